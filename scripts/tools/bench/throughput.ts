/** Images per second of several clients, with rows that share batches and without. `deno task bench throughput` */
import type { Engine } from "../../../gpu-function/jobs/engine.ts";
import { runCommand } from "../../command_line/command_line.ts";
import { median, openEngine, parseRuns, timeRun } from "../../engine/engine_runs.ts";

const CLIENTS = [1, 2, 4, 8];
const STEPS = 20;
const HELP = `Usage: deno task bench throughput [--runs <n>]
Closed loops of 1 to 8 clients, each drawing images of ${STEPS} steps one after the other: rows in shared
batches (GPU_ROWS_MAX=16) against rows alone (1), alternating.
  --runs <n>  rounds of each, default 5`;

await runCommand(async () => {
  const runs = parseRuns(Deno.args, 5);
  if (runs === null) return console.log(HELP);
  const shared = await openEngine(16);
  const alone = await openEngine(1);
  console.log("| clients | guided steps | images/s, rows alone | shared | ratio |");
  console.log("|---|---|---|---|---|");
  for (const guided of [STEPS, STEPS / 2]) {
    for (const clients of CLIENTS) {
      const rates = { alone: [] as number[], shared: [] as number[] };
      for (const engine of [shared, alone]) await drawAll(engine, { clients, guided, seed: 0 });
      for (let round = 1; round <= runs; round++) {
        rates.shared.push(await drawAll(shared, { clients, guided, seed: 1000 * round }));
        rates.alone.push(await drawAll(alone, { clients, guided, seed: 1000 * round }));
      }
      const ratio = median(rates.shared.map((rate, i) => rate / (rates.alone[i] ?? NaN)));
      const shown = [median(rates.alone), median(rates.shared), ratio].map((x) => x.toFixed(2));
      console.log(`| ${clients} | ${guided} of ${STEPS} | ${shown.join(" | ")} |`);
    }
  }
  await shared.close();
  await alone.close();
});

/** Images per second of clients that draw two images each. */
async function drawAll(
  engine: Engine,
  { clients, guided, seed }: {
    readonly clients: number;
    readonly guided: number;
    readonly seed: number;
  },
): Promise<number> {
  const start = performance.now();
  await Promise.all(Array.from({ length: clients }, async (_, client) => {
    for (let image = 0; image < 2; image++) {
      await timeRun(engine, {
        prompt: "a blue bird",
        seed: seed + 10 * client + image,
        num_inference_steps: STEPS,
        cutoff: { guided_steps: guided },
        previews: { every: 0 },
      });
    }
  }));
  return 2 * clients / ((performance.now() - start) / 1_000);
}
