/** Shows what each cutoff costs in evaluations and time. `deno task bench cutoff_table --help` */
import { median, openModel, parseBenchFlags, timeRun } from "../../engine/engine_runs.ts";
import { modelsFolder } from "../../command_line/models_folder.ts";
import { runCommand, UsageError } from "../../command_line/command_line.ts";

/** The paper's a: the number of final steps that are denoised without the text. */
const CUTOFFS = [0, 5, 10, 15, 20, 25];
const HELP = `Usage: deno task bench cutoff_table [flags]
Wall time and evaluations of 50 steps, the last a = 0, 5, 10, 15, 20 and 25 of them without text. The
cutoffs take turns, so that a machine that slows down favours none; no previews.
  --models <folder>   model packages, default MODELS_DIR or the embedded one
  --model <id>        which of them, default the only one
  --provider <order>  where graphs run, as in GPU_PROVIDER, default cpu
  --rows <n>          rows a batch, default 1; 2 runs both rows of a guided step together
  --size <px>         side of the image, default the model's own
  --steps <n>         denoising steps, at least 25, default 50
  --runs <n>          of each cutoff, default 3`;

await runCommand(async () => {
  const flags = parseBenchFlags(Deno.args, [
    "models",
    "model",
    "provider",
    "rows",
    "size",
    "steps",
    "runs",
  ]);
  if (flags === null) return console.log(HELP);
  const { size, steps = 50, runs = 3 } = flags;
  const longest = Math.max(...CUTOFFS);
  if (steps < longest) throw new UsageError(`--steps must be at least ${longest}, given ${steps}`);
  const { engine, manifest, provider } = await openModel({
    ...flags,
    models: flags.models ?? modelsFolder(),
  });
  const side = size === undefined ? {} : { width: size, height: size };
  const requestOf = (a: number) => ({
    model: manifest.id,
    prompt: "a blue bird",
    seed: 7,
    ...side,
    num_inference_steps: steps,
    previews: { every: 0 },
    cutoff: { a },
  });
  await timeRun(engine, requestOf(longest)); // the first run pays for what later ones reuse
  const totals = CUTOFFS.map(() => [] as number[]);
  const evaluations = CUTOFFS.map(() => ({ spent: 0, full: 0 }));
  for (let run = 0; run < runs; run++) {
    for (let turn = 0; turn < CUTOFFS.length; turn++) {
      const i = (run + turn) % CUTOFFS.length;
      const completed = await timeRun(engine, requestOf(CUTOFFS[i] ?? 0));
      totals[i]?.push(completed.timings.total_ms);
      evaluations[i] = completed.evaluations;
    }
  }
  await engine.close();
  const { width, height } = { ...manifest.defaults, ...side };
  console.log(
    `${manifest.id} on ${provider}, ${steps} steps at ${width}x${height}, medians of ${runs}`,
  );
  console.log("| a | evaluations | saved | wall time | saved |");
  console.log("|---|---|---|---|---|");
  for (const [i, a] of CUTOFFS.entries()) {
    const { spent, full } = evaluations[i] ?? { spent: NaN, full: NaN };
    const savings = (totals[i] ?? []).map((total, run) => 1 - total / (totals[0]?.[run] ?? NaN));
    const cells = [
      String(a),
      `${spent} of ${full}`,
      percent(1 - spent / full),
      `${(median(totals[i] ?? []) / 1000).toFixed(3)} s`,
      percent(median(savings)),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
});

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
