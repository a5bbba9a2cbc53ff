/** Every command reads its arguments strictly here, and says in one sentence what is wrong. */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { ProblemError } from "../../contract/mod.ts";
import { keepLoopbackDirect } from "../../edge/platforms/deno/direct_loopback.ts";

/** The command line itself is wrong: the sentence goes to the user, and the exit code is 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The work failed, not the command line: the user sees the sentence, the exit code is 1. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
}

/** Refuses a first word that names none of a task's commands. */
export function unknownCommand(commands: readonly string[], given: string | undefined): UsageError {
  const shown = given === undefined ? "none" : JSON.stringify(given);
  return new UsageError(`Give one of ${commands.join(", ")}, given ${shown}; see --help`);
}

/** @throws UsageError for a word that no command takes */
export function refuseExtra(word: string | undefined): void {
  if (word === undefined) return;
  throw new UsageError(`There is no place for ${JSON.stringify(word)}`);
}

/** @throws UsageError with node's sentence on what is wrong with the flags */
export function parseStrictly<Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(`${flagSentence(error.message)}; see --help`, { cause: error });
  }
}

/** Returns node's sentence without the advice that follows it. */
function flagSentence(message: string): string {
  const dashed = message.match(/^Option '(?:-\w, )?(--[\w-]+)(?: <value>)?' argument is ambiguous/);
  if (dashed) {
    return `${dashed[1]} needs a value; one that begins with - is given as ${dashed[1]}=-1`;
  }
  return message.split(/\. (?:To specify|This command)/)[0] ?? message;
}

/**
 * Runs a command. Wrong arguments end with one sentence and exit code 2, a refusal by the system or
 * the service with one and 1. Anything else is a bug and keeps its stack.
 */
export async function runCommand(main: () => Promise<void>): Promise<never> {
  try {
    keepLoopbackDirect();
    await main();
    Deno.exit(Deno.exitCode);
  } catch (error) {
    const mendable = error instanceof UsageError || error instanceof RangeError ||
      error instanceof ProblemError && error.problem.status < 500;
    const ofSystem = error instanceof Error && "code" in error && "syscall" in error;
    const sentence = mendable || ofSystem || error instanceof ProblemError ||
      error instanceof CommandFailure;
    console.error(error instanceof Error && sentence ? error.message : error);
    Deno.exit(mendable ? 2 : 1);
  }
}
