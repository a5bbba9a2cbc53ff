/**
 * Lists, adds, verifies, pulls, seals, optimizes, cuts and removes the model packages of this machine.
 * `deno task models --help`
 */
import { join } from "node:path";
import process from "node:process";
import { ProblemError } from "../../contract/mod.ts";
import { unknownCommand, UsageError } from "../command_line/command_line.ts";
import { add } from "./models/add.ts";
import { cuts } from "./models/cuts.ts";
import type { Command, World } from "./models/command.ts";
import { freeBytes } from "./models/shelf/disk_space.ts";
import { HubProblem } from "./models/hub/hub_problem.ts";
import { list } from "./models/list.ts";
import { optimize } from "./models/optimize.ts";
import { pull } from "./models/pull.ts";
import { createRemove } from "./models/remove.ts";
import { seal } from "./models/seal.ts";
import { verify } from "./models/verify.ts";

const EMBEDDED = join(import.meta.dirname ?? ".", "../../gpu-function/models/mini");

const COMMANDS: ReadonlyMap<string, Command> = new Map(
  Object.entries({ list, add, verify, pull, seal, optimize, cuts, remove: createRemove(EMBEDDED) }),
);

const HELP = `Usage: deno task models <command>

${[...COMMANDS].map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`).join("\n")}

Each command has its own --help.`;

/** Returns the exit code: 0, 1 for a fault, 2 for wrong arguments, 130 when interrupted. */
export async function runModels(args: readonly string[], world: World): Promise<number> {
  try {
    const [name, ...rest] = args;
    if (name === "--help" || name === "-h") return showHelp(HELP, world);
    const command = COMMANDS.get(name ?? "");
    if (!command) throw unknownCommand([...COMMANDS.keys()], name);
    if (rest.includes("--help") || rest.includes("-h")) return showHelp(command.help, world);
    return await command.run(rest, world);
  } catch (error) {
    return explain(error, world);
  }
}

function showHelp(help: string, { say }: World): number {
  say(help);
  return 0;
}

/** Says in one sentence what a user can mend; a bug keeps its stack. */
function explain(error: unknown, { complain, signal }: World): number {
  if (signal.aborted) {
    complain("Interrupted: no model is changed, and a pull goes on when it runs again");
    return 130;
  }
  const ofSystem = error instanceof Error && "code" in error && "syscall" in error;
  const sentence = error instanceof RangeError || error instanceof ProblemError || ofSystem;
  if (error instanceof UsageError) {
    complain(error.message);
    return 2;
  }
  if (!sentence) throw error;
  complain(withReason(error));
  return 1;
}

/** onnxruntime's own reason says what a file lacks, in its first line. */
function withReason(error: Error): string {
  const { message, cause } = error;
  if (error instanceof HubProblem) return message;
  const reason = cause instanceof Error ? cause.message.split("\n")[0] ?? "" : "";
  return reason === "" || message.includes(reason) ? message : `${message} (${reason})`;
}

if (import.meta.main) {
  const interrupt = new AbortController();
  // A second Ctrl-C ends the process at once.
  Deno.addSignalListener("SIGINT", () => {
    if (interrupt.signal.aborted) Deno.exit(130);
    interrupt.abort(new DOMException("Interrupted", "AbortError"));
  });
  const code = await runModels(Deno.args, {
    say: (line) => console.log(line),
    complain: (line) => console.error(line),
    env: (name) => Deno.env.get(name),
    ask: Deno.stdin.isTerminal() ? confirm : null,
    freeBytes,
    signal: interrupt.signal,
    retryMs: 1_000,
    animated: process.stderr.isTTY === true,
  });
  Deno.exit(code);
}
