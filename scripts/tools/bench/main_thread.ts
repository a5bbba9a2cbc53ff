/** How long the main thread keeps everything else waiting while it serves. `deno task bench main_thread` */
import { runCommand } from "../../command_line/command_line.ts";
import { judge, openEngine, parseRuns, timeRun } from "../../engine/engine_runs.ts";

const LAG_MS_MAX = 20;
const TICK_MS = 2;
const HELP = `Usage: deno task bench main_thread [--runs <n>]
How late timers of the main thread are while runs of 50 steps follow one another, previews included: a
request that comes meanwhile waits about as long.
  --runs <n>  runs, default 20`;

await runCommand(async () => {
  const runs = parseRuns(Deno.args, 20);
  if (runs === null) return console.log(HELP);
  const engine = await openEngine();
  const input = { prompt: "a blue bird", seed: 7, num_inference_steps: 50, previews: { every: 5 } };
  await timeRun(engine, input);
  const lags = watchLags();
  for (let i = 0; i < runs; i++) await timeRun(engine, input);
  const sorted = lags.stop().sort((a, b) => a - b);
  await engine.close();
  const at = (share: number) =>
    sorted[Math.min(Math.floor(share * sorted.length), sorted.length - 1)]!;
  const shown = (["p50", "p95", "p99", "max"] as const)
    .map((name, i) => `${name} ${at([0.5, 0.95, 0.99, 1][i]!).toFixed(1)} ms`);
  console.log(`lag of the main thread, ${sorted.length} timers: ${shown.join(", ")}`);
  judge(`p99 at most ${LAG_MS_MAX} ms`, `${at(0.99).toFixed(1)} ms`, at(0.99) <= LAG_MS_MAX);
});

/** Milliseconds by which each of many short timers came late. */
function watchLags(): { stop(): number[] } {
  const lags: number[] = [];
  let due = performance.now() + TICK_MS;
  const timer = setInterval(() => {
    const now = performance.now();
    lags.push(Math.max(now - due, 0));
    due = now + TICK_MS;
  }, TICK_MS);
  return {
    stop() {
      clearInterval(timer);
      return lags;
    },
  };
}
