/** `deno task lab <experiment> [flags]`: runs an experiment of `scripts/lab/experiments/`. */
import { ROOT } from "./gate/source_files.ts";

const FOLDER = `${ROOT}scripts/lab/experiments/`;

const known = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
  .filter((name) => /^[a-z_]+\.ts$/.test(name) && !name.endsWith("_test.ts"))
  .map((name) => name.slice(0, -".ts".length)).sort();
const usage = `Usage: deno task lab <${known.join(" | ")}> [--help]`;
const [name, ...flags] = Deno.args;
if (name === "--help" || name === "-h") {
  console.log(usage);
  Deno.exit(0);
}
if (name === undefined || !known.includes(name)) {
  const given = name === undefined ? "none" : JSON.stringify(name);
  console.error(`The experiment must be one of ${known.join(", ")}, given ${given}; see --help`);
  Deno.exit(2);
}
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["run", "-A", `${FOLDER}${name}.ts`, ...flags],
  cwd: ROOT,
  stdout: "inherit",
  stderr: "inherit",
}).output();
Deno.exit(code);
