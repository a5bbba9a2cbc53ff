/** `deno task bench [name …]`: runs the named benchmarks of `scripts/tools/bench/`, or all. */
import { ROOT } from "../checkout.ts";

const FOLDER = `${ROOT}scripts/tools/bench/`;

function benchmarkNames(): string[] {
  return [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
    .filter((name) => /^[a-z_]+\.ts$/.test(name) && !name.endsWith("_test.ts"))
    .map((name) => name.slice(0, -".ts".length)).sort();
}

/** Names come before the first flag; each benchmark gets all flags. */
function splitArguments(args: readonly string[]): { names: string[]; flags: string[] } {
  const firstFlag = args.findIndex((argument) => argument.startsWith("-"));
  const end = firstFlag === -1 ? args.length : firstFlag;
  return { names: args.slice(0, end), flags: args.slice(end) };
}

const known = benchmarkNames();
const { names, flags } = splitArguments(Deno.args);
const unknown = names.find((name) => !known.includes(name));
if (unknown !== undefined || (names.length === 0 && flags.includes("--help"))) {
  if (unknown !== undefined) console.error(`No benchmark is called ${JSON.stringify(unknown)}`);
  console.error(`deno task bench [${known.join(" | ")} …] [--help]`);
  Deno.exit(unknown === undefined ? 0 : 2);
}
/** Exit code of a benchmark whose flags are wrong, which are then wrong for all. */
const MISUSED = 2;
let failed = false;
for (const name of names.length > 0 ? names : known) {
  const { success, code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${FOLDER}${name}.ts`, ...flags],
    cwd: ROOT,
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  if (code === MISUSED) Deno.exit(code);
  failed ||= !success;
}
Deno.exit(failed ? 1 : 0);
