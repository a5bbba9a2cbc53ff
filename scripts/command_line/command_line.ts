/** What every command does with what was typed: reads it strictly, and says what is wrong in one sentence. */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { ProblemError } from "../../contract/mod.ts";

/** The command line itself is wrong: the sentence goes to the user, and the exit code is 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What was typed rightly and could not be done: the sentence goes to the user, and the exit code is 1. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
}

/** For a task of several commands, when the first word is none of them. */
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

/** Node's sentence, without its advice of several lines. */
function flagSentence(message: string): string {
  const dashed = message.match(/^Option '(?:-\w, )?(--[\w-]+)(?: <value>)?' argument is ambiguous/);
  if (dashed) {
    return `${dashed[1]} needs a value; one that begins with - is given as ${dashed[1]}=-1`;
  }
  return message.split(/\. (?:To specify|This command)/)[0] ?? message;
}

/**
 * Runs a command. What was typed wrong is one sentence and exit code 2; what the system or the service
 * refuses is one and 1; anything else is a bug and keeps its stack.
 */
export async function runCommand(main: () => Promise<void>): Promise<never> {
  try {
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
