/** Measures what insights cost. `deno task bench insights` */
import type { Insight } from "../../../contract/mod.ts";
import { runCommand } from "../../command_line/command_line.ts";
import { judge, median, observeRows, openEngine, parseRuns } from "../../engine/engine_runs.ts";

const COST_MAX = 0.1;
const HELP = `Usage: deno task bench insights [--runs <n>]
Time of a guided step with each insight against the same run without any, in alternating pairs, no
previews; beside it the whole run, with the image and what comes at the end.
  --runs <n>  pairs, default 15`;

const KINDS: readonly (readonly [name: string, insights: readonly Insight[]])[] = [
  ["attention", ["attention"]],
  ["frequency", ["frequency"]],
  ["guidance", ["guidance"]],
];

await runCommand(async () => {
  const runs = parseRuns(Deno.args, 15);
  if (runs === null) return console.log(HELP);
  const engine = await openEngine();
  const measure = async (insights: readonly Insight[]) => {
    const { wallMs, completed } = await observeRows(engine, {
      prompt: "a blue bird and a red car",
      seed: 7,
      num_inference_steps: 25,
      previews: { every: 0 },
      insights: [...insights],
    });
    return { step: 2 * wallMs, run: completed.timings.total_ms };
  };
  const plain: number[] = [];
  const costs = new Map<string, { step: number; run: number }>();
  for (const [name, insights] of KINDS) {
    await measure(insights);
    await measure([]);
    const ratios = { step: [] as number[], run: [] as number[] };
    for (let i = 0; i < runs; i++) {
      // The two take turns at going first, so that a machine that slows down favours neither.
      const first = await measure(i % 2 === 0 ? [] : insights);
      const second = await measure(i % 2 === 0 ? insights : []);
      const [without, shown] = i % 2 === 0 ? [first, second] : [second, first];
      plain.push(without.step);
      for (const part of ["step", "run"] as const) ratios[part].push(shown[part] / without[part]);
    }
    costs.set(name, { step: median(ratios.step) - 1, run: median(ratios.run) - 1 });
  }
  await engine.close();
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`.padStart(9);
  console.log(`a guided step without insights ${median(plain).toFixed(1)} ms`);
  console.log("                 a step   a whole run of 25");
  for (const [name, { step, run }] of costs) {
    console.log(`${name.padEnd(12)} ${percent(step)}  ${percent(run)}`);
  }
  const measured = costs.get("attention")?.step ?? NaN;
  judge(
    `attention costs less than ${100 * COST_MAX} % of a step, median of ${runs} pairs`,
    percent(measured).trim(),
    measured < COST_MAX,
  );
});
