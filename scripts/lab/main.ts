/** `deno task lab <experiment> [flags]`: runs one experiment, or all of the paper's. */
import { ROOT } from "../checkout.ts";
import { runCommand, UsageError } from "../command_line/command_line.ts";
import { runExperiment } from "./experiments/experiment_run.ts";
import { parseExperimentFlags } from "./experiments/laboratory_flags.ts";
import { EXPERIMENTS, PAPER_EXPERIMENTS } from "./paper_experiments.ts";
import { keepFront } from "./front/keep_front.ts";
import { runQuality } from "./quality/quality_run.ts";

const MISUSED = 2;
const PAPER_NAMES = PAPER_EXPERIMENTS.map(({ name }) => name);
const known = [...EXPERIMENTS.map(({ name }) => name), "keep-front", "latency", "quality"].sort();
const usage = `Usage: deno task lab <${known.join(" | ")} | all> [flags]
all runs ${PAPER_NAMES.join(", ")}, each with the flags given.
What an experiment measures and which flags it takes: deno task lab <experiment> --help`;

async function run(name: string, flags: readonly string[]): Promise<void> {
  if (name === "keep-front") return await keepFront(flags);
  if (name === "quality") return await runQuality(flags);
  if (name === "latency") Deno.exit(await runApart("scripts/lab/latency/latency_run.ts", ...flags));
  await runExperiment(EXPERIMENTS.find((each) => each.name === name)!, flags);
}

async function runApart(...args: string[]): Promise<number> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", ...args],
    cwd: ROOT,
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  return code;
}

/**
 * Runs the rest if an experiment fails, since a model without a causal [EOS] has no swap. A wrong
 * flag is wrong for all, and nothing runs.
 */
async function runAll(flags: readonly string[]): Promise<number> {
  const wrong = complaintAbout(flags);
  if (wrong !== null) {
    console.error(wrong);
    return MISUSED;
  }
  const start = performance.now();
  const failed: string[] = [];
  for (const name of PAPER_NAMES) {
    if (await runApart("scripts/lab/main.ts", name, ...flags) !== 0) failed.push(name);
  }
  const minutes = (performance.now() - start) / 60_000;
  console.log(`${PAPER_NAMES.length} experiments in ${minutes.toFixed(1)} minutes`);
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
await runCommand(() => run(name, flags));
