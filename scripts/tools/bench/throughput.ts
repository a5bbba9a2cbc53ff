/** How many images several clients get, and how long each waits, with rows that share batches and without. */
import type { Engine } from "../../../gpu-function/jobs/engine.ts";
import { runCommand } from "../../command_line/command_line.ts";
import { median, openEngine, parseRuns, timeRun } from "../../engine/engine_runs.ts";

const CLIENTS = [1, 2, 4, 8, 16];
const STEPS = 20;
/** Guided steps of the images in turn. */
const MIXES: Readonly<Record<string, readonly number[]>> = {
  uncut: [STEPS],
  cut: [STEPS / 2],
  mixed: [STEPS, STEPS / 2, STEPS / 4, 0],
};
/** Arrivals a second, as parts of what rows alone can serve in a closed loop. */
const LOADS = [0.5, 0.9, 1.3];
/** Clients of an open loop in each round. */
const ARRIVALS = 20;
const HELP = `Usage: deno task bench throughput [--runs <n>]
Rows in shared batches (GPU_ROWS_MAX=16) against rows alone (1), on images of ${STEPS} steps, alternating.
Closed loops: 1 to 16 clients, each of which draws one image after the other.
Open loops: clients come by chance (Poisson), as many a second as the table says, and each waits for its image.
  --runs <n>  rounds of each, default 5`;

interface Engines {
  readonly shared: Engine;
  readonly alone: Engine;
}

await runCommand(async () => {
  const runs = parseRuns(Deno.args, 5);
  if (runs === null) return console.log(HELP);
  const engines = { shared: await openEngine(16), alone: await openEngine(1) };
  const capacity = await closedLoops(engines, runs);
  await openLoops(engines, { runs, capacity });
  await engines.shared.close();
  await engines.alone.close();
});

/** Prints the table of the closed loops. Returns the images per second of 8 uncut clients whose rows are alone. */
async function closedLoops({ shared, alone }: Engines, runs: number): Promise<number> {
  let capacity = NaN;
  console.log("| clients | images | images/s, rows alone | shared | ratio |");
  console.log("|---|---|---|---|---|");
  for (const [mix, guided] of Object.entries(MIXES)) {
    for (const clients of CLIENTS) {
      const rates = { alone: [] as number[], shared: [] as number[] };
      for (const engine of [shared, alone]) await drawAll(engine, { clients, guided, seed: 0 });
      for (let round = 1; round <= runs; round++) {
        rates.shared.push(await drawAll(shared, { clients, guided, seed: 1000 * round }));
        rates.alone.push(await drawAll(alone, { clients, guided, seed: 1000 * round }));
      }
      const ratio = median(rates.shared.map((rate, i) => rate / (rates.alone[i] ?? NaN)));
      const shown = [median(rates.alone), median(rates.shared), ratio].map((x) => x.toFixed(2));
      console.log(`| ${clients} | ${mix} | ${shown.join(" | ")} |`);
      if (mix === "uncut" && clients === 8) capacity = median(rates.alone);
    }
  }
  return capacity;
}

/** Images per second of clients that draw two images each. */
async function drawAll(
  engine: Engine,
  { clients, guided, seed }: {
    readonly clients: number;
    readonly guided: readonly number[];
    readonly seed: number;
  },
): Promise<number> {
  const start = performance.now();
  await Promise.all(Array.from({ length: clients }, async (_, client) => {
    for (let image = 0; image < 2; image++) {
      await timeRun(engine, requestOf(seed + 2 * client + image, guided));
    }
  }));
  return 2 * clients / ((performance.now() - start) / 1_000);
}

function requestOf(seed: number, guided: readonly number[]) {
  return {
    prompt: "a blue bird",
    seed,
    num_inference_steps: STEPS,
    cutoff: { guided_steps: guided[seed % guided.length] ?? STEPS },
    previews: { every: 0 },
  };
}

async function openLoops(
  { shared, alone }: Engines,
  { runs, capacity }: { readonly runs: number; readonly capacity: number },
): Promise<void> {
  console.log(
    "\n| arrivals/s | images | rows | p50 s | p95 s | p99 s |\n|---|---|---|---|---|---|",
  );
  for (const load of LOADS) {
    const perSecond = load * capacity;
    const waits = { alone: [] as number[], shared: [] as number[] };
    for (let round = 0; round < runs; round++) {
      const gaps = poissonGaps(ARRIVALS, perSecond, round);
      waits.shared.push(...await drawAsTheyCome(shared, gaps));
      waits.alone.push(...await drawAsTheyCome(alone, gaps));
    }
    for (const [rows, seconds] of Object.entries(waits)) {
      const shown = [0.5, 0.95, 0.99].map((share) => quantile(seconds, share).toFixed(2));
      console.log(`| ${perSecond.toFixed(2)} | mixed | ${rows} | ${shown.join(" | ")} |`);
    }
  }
}

/** Seconds that each client waited for its image. */
async function drawAsTheyCome(engine: Engine, gaps: readonly number[]): Promise<number[]> {
  const waits: Promise<number>[] = [];
  for (const [client, gap] of gaps.entries()) {
    await new Promise((done) => setTimeout(done, 1_000 * gap));
    const start = performance.now();
    const drawn = timeRun(engine, requestOf(client, MIXES["mixed"] ?? []));
    waits.push(drawn.then(() => (performance.now() - start) / 1_000));
  }
  return await Promise.all(waits);
}

/** Seconds between arrivals, the same for each engine in a round: a linear congruential generator's. */
function poissonGaps(count: number, perSecond: number, seed: number): number[] {
  let state = seed + 1;
  return Array.from({ length: count }, () => {
    state = Number((BigInt(state) * 48_271n) % 2_147_483_647n);
    return -Math.log(state / 2_147_483_647) / perSecond;
  });
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(Math.ceil(share * sorted.length), sorted.length) - 1] ?? NaN;
}
