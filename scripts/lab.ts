/** `deno task lab <experiment> [flags]`: runs an experiment of `scripts/lab/experiments/`, or all of the paper's. */
import { ROOT } from "./gate/source_files.ts";
import { UsageError } from "./generation_flags.ts";
import { parseExperimentFlags } from "./lab/laboratory_flags.ts";
import { PAPER_ORDER } from "./lab/paper_order.ts";

const FOLDER = `${ROOT}scripts/lab/experiments/`;
const MISUSED = 2;

/** `eos-swap` is `eos_swap.ts`. */
const known = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
  .filter((name) => /^[a-z_]+\.ts$/.test(name) && !name.endsWith("_test.ts"))
  .map((name) => name.slice(0, -".ts".length).replaceAll("_", "-")).sort();
const usage = `Usage: deno task lab <${known.join(" | ")} | all> [flags]
all runs ${PAPER_ORDER.join(", ")}, each with the flags given.
What an experiment measures and which flags it takes: deno task lab <experiment> --help`;

async function runOne(name: string, flags: readonly string[]): Promise<number> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${FOLDER}${name.replaceAll("-", "_")}.ts`, ...flags],
    cwd: ROOT,
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  return code;
}

/**
 * One that fails does not keep the others from running: a model without a causal [EOS] has no swap.
 * A flag that is wrong is wrong for all.
 */
async function runAll(flags: readonly string[]): Promise<number> {
  const wrong = complaintAbout(flags);
  if (wrong !== null) {
    console.error(wrong);
    return MISUSED;
  }
  const start = performance.now();
  const failed: string[] = [];
  for (const name of PAPER_ORDER) {
    if (await runOne(name, flags) !== 0) failed.push(name);
  }
  const minutes = (performance.now() - start) / 60_000;
  console.log(`${PAPER_ORDER.length} experiments in ${minutes.toFixed(1)} minutes`);
  if (failed.length > 0) console.error(`Failed: ${failed.join(", ")}`);
  return failed.length > 0 ? 1 : 0;
}

function complaintAbout(flags: readonly string[]): string | null {
  try {
    parseExperimentFlags(flags, { standard: { count: 2, seeds: 1 } }, null);
    return null;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

const [name, ...flags] = Deno.args;
const asksForHelp = flags.includes("--help") || flags.includes("-h");
if (name === "--help" || name === "-h" || name === "all" && asksForHelp) {
  console.log(usage);
  Deno.exit(0);
}
if (name === "all") Deno.exit(await runAll(flags));
if (name === undefined || !known.includes(name)) {
  const given = name === undefined ? "none" : JSON.stringify(name);
  console.error(
    `The experiment must be one of ${known.join(", ")}, all, given ${given}; see --help`,
  );
  Deno.exit(MISUSED);
}
Deno.exit(await runOne(name, flags));
