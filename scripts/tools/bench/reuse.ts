/** Measures what reuse of deep features takes of a run's time. `deno task bench reuse` */
import { runCommand, UsageError } from "../../command_line/command_line.ts";
import { modelsFolder } from "../../command_line/models_folder.ts";
import { median, openModel, parseBenchFlags, timeRun } from "../../engine/engine_runs.ts";

const HELP = `Usage: deno task bench reuse [flags]
Wall time of runs with reuse against the same runs without, in turns, guided throughout, no previews.
  --models <folder>  default MODELS_DIR or the embedded one
  --model <id>       default mini, or the only one
  --size <pixels>    of a side, default the model's own
  --steps <n>        default 20
  --runs <n>         rounds, default 5
  --weights <mode>   packed (default) or mapped`;

/** One whole step in so many; 0 reuses nothing. */
const EVERY = [0, 2, 3, 5];

await runCommand(async () => {
  const known = ["models", "model", "size", "steps", "runs", "weights"] as const;
  const flags = parseBenchFlags(Deno.args, known);
  if (flags === null) return console.log(HELP);
  const models = flags.models ?? modelsFolder();
  const only = flags.models === undefined ? { model: "mini" } : {};
  const { engine, manifest } = await openModel({ rows: 16, ...only, ...flags, models });
  try {
    if (manifest.cuts.length === 0) {
      throw new UsageError(`--model must have a cut, given ${manifest.id}; see models cuts`);
    }
    const { steps = 20, runs = 5, size } = flags;
    const request = (every: number, depth: number) => ({
      ...{ model: manifest.id, prompt: "a blue bird", seed: 7, num_inference_steps: steps },
      ...(size === undefined ? {} : { width: size, height: size }),
      previews: { every: 0 },
      ...(every === 0 ? {} : { reuse: { every, depth } }),
    });
    const settings = EVERY.flatMap((every) =>
      (every === 0 ? [1] : manifest.cuts.map((_, i) => i + 1)).map((depth) => ({ every, depth }))
    );
    const times = settings.map(() => [] as number[]);
    const compute = settings.map(() => 1);
    // The first round proves batches and loads the cut graphs.
    for (let round = 0; round <= runs; round++) {
      for (const [i, { every, depth }] of settings.entries()) {
        const completed = await timeRun(engine, request(every, depth));
        const { planned, full } = completed.compute ?? { planned: 1, full: 1 };
        compute[i] = planned / full;
        if (round > 0) times[i]!.push(completed.timings.total_ms);
      }
    }
    const [without = []] = times;
    console.log(`| ${manifest.id}, ${steps} steps | compute | seconds | time / without |`);
    console.log("|---|---|---|---|");
    for (const [i, { every, depth }] of settings.entries()) {
      const ratio = median(times[i]!.map((time, round) => time / (without[round] ?? NaN)));
      const name = every === 0 ? "without reuse" : `one whole step in ${every}, depth ${depth}`;
      const seconds = (median(times[i]!) / 1_000).toFixed(2);
      console.log(`| ${name} | ${compute[i]!.toFixed(3)} | ${seconds} | ${ratio.toFixed(3)} |`);
    }
  } finally {
    await engine.close();
  }
});
