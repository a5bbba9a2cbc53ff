/** Measures whether a cutoff saves as much time as evaluations. `deno task bench cutoff` */
import { runCommand } from "../../command_line/command_line.ts";
import { judge, median, openEngine, parseRuns, timeRun } from "../../engine/engine_runs.ts";

/** A guided pair in one batch costs less than two rows (ADR 25), so leaving one row out saves less than half. */
const KEPT_MIN = 0.6;
const HELP = `Usage: deno task bench cutoff [--runs <n>]
Wall time of 50 steps guided throughout against 25 of 50 guided, in alternating pairs, no previews.
  --runs <n>  pairs, default 31`;

await runCommand(async () => {
  const runs = parseRuns(Deno.args, 31);
  if (runs === null) return console.log(HELP);
  const engine = await openEngine();
  // Previews cost the same with and without a cutoff, and are not evaluations.
  const full = {
    prompt: "a blue bird",
    seed: 7,
    num_inference_steps: 50,
    previews: { every: 0 },
  };
  const cut = { ...full, cutoff: { guided_steps: 25 } };
  await timeRun(engine, full);
  const savings: number[] = [];
  const totals = { full: [] as number[], cut: [] as number[] };
  let planned = 0;
  for (let i = 0; i < runs; i++) {
    // The two take turns at going first, so that a machine that slows down favours neither.
    const order = i % 2 === 0 ? ["full", "cut"] as const : ["cut", "full"] as const;
    const pair = { full: 0, cut: 0 };
    for (const name of order) {
      const completed = await timeRun(engine, name === "full" ? full : cut);
      pair[name] = completed.timings.total_ms;
      totals[name].push(completed.timings.total_ms);
      if (name === "cut") planned = completed.evaluations.saved;
    }
    savings.push(1 - pair.cut / pair.full);
  }
  await engine.close();
  const saved = median(savings);
  console.log(`50 guided steps        ${median(totals.full).toFixed(0)} ms`);
  console.log(`25 of 50 guided        ${median(totals.cut).toFixed(0)} ms`);
  console.log(`evaluations saved      ${(100 * planned).toFixed(1)} %`);
  console.log(`time saved             ${(100 * saved).toFixed(1)} %, median of ${runs} pairs`);
  judge(
    `time saved / evaluations saved at least ${KEPT_MIN}`,
    (saved / planned).toFixed(3),
    saved / planned >= KEPT_MIN,
  );
});
