/** Measures how much of a run is spent outside the model. `deno task bench engine` */
import { runCommand } from "../../command_line/command_line.ts";
import { judge, median, openEngine, parseRuns, timeRun } from "../../engine/engine_runs.ts";

/** Of mini, whose pairs take 6 ms: the way to the inference thread and back alone is a twentieth (ADR 24). */
const OVERHEAD_MAX = 0.15;
const HELP = `Usage: deno task bench engine [--runs <n>]
Share of a 50-step run that is not inside session.run, without previews and with one every 5 steps.
  --runs <n>  runs of each, alternating, default 7`;

await runCommand(async () => {
  const runs = parseRuns(Deno.args, 7);
  if (runs === null) return console.log(HELP);
  const engine = await openEngine();
  const plain = { prompt: "a blue bird", seed: 7, num_inference_steps: 50, previews: { every: 0 } };
  const previewed = { ...plain, previews: { every: 5 } };
  for (let i = 0; i < 3; i++) await timeRun(engine, previewed);
  const overheads = { plain: [] as number[], previewed: [] as number[] };
  const totals = { plain: [] as number[], previewed: [] as number[] };
  for (let i = 0; i < runs; i++) {
    for (const [name, input] of [["plain", plain], ["previewed", previewed]] as const) {
      const { total_ms, inference_ms } = (await timeRun(engine, input)).timings;
      overheads[name].push(1 - inference_ms / total_ms);
      totals[name].push(total_ms);
    }
  }
  await engine.close();
  console.log("50 steps, 100 evaluations    total ms   outside the model");
  for (const name of ["plain", "previewed"] as const) {
    const total = median(totals[name]).toFixed(0).padStart(8);
    const outside = `${(100 * median(overheads[name])).toFixed(2)} %`.padStart(9);
    console.log(`${name.padEnd(26)} ${total}   ${outside}`);
  }
  const measured = median(overheads.plain);
  judge(
    `at most ${100 * OVERHEAD_MAX} % outside the model, without previews`,
    `${(100 * measured).toFixed(2)} %`,
    measured <= OVERHEAD_MAX,
  );
});
