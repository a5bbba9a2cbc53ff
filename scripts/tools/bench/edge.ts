/**
 * Measures what the edge adds on workerd to a cached answer and to a live event.
 * `deno task bench edge --help`
 */
import { createServerSentDecoder } from "../../../contract/mod.ts";
import { startWorkerd } from "../../../tests/support/edges.ts";
import { judge, median, parseRuns } from "../../engine/engine_runs.ts";
import { ROOT } from "../../checkout.ts";
import { modelsFolder } from "../../command_line/models_folder.ts";
import { runCommand } from "../../command_line/command_line.ts";
import { publishModels } from "../../service/publish_models.ts";
import { type Answer, KeepAlive, requestBytes } from "./edge/keep_alive.ts";
import { PacedGpu } from "./edge/paced_gpu.ts";

const CONNECTIONS = 8;
/** Requests per window that are sent one at a time. */
const ONE_BY_ONE = 40;
/** Requests per window that are sent over all connections together. */
const TOGETHER = 200;
const WARM_UP = 100;
const PACE_MS = 10;
const LIVE_RUNS = 5;
const HELP = `Usage: deno task bench edge [--runs <n>]
Cached answers on workerd against a bare route of Hono in the same worker, taking turns: one at a time
for the latency, on ${CONNECTIONS} connections for the rate. Then live events, ${PACE_MS} ms apart, on their way from
a GPU function that draws nothing, through room and worker to the client, all by one clock. The console is
silent but in the row that says so: wrangler dev carries each line of it to a terminal.
  --runs <n>  windows of each, default 20`;
const LATENCY_MAX = 2;
const RATE_MIN = 0.5;
const FIRST_EVENT_MS = 10;
const LIVE_EVENT_MS = 5;
const JSON_TYPE = { "content-type": "application/json" };
/** No account may reach these limits, since that would change what is measured. */
const LIMITS = { LOOPBACK_LIMITS: "requests=1000000000,evaluations=1000000000,concurrent=1000" };
const REQUEST = { model: "mini", prompt: "a blue bird", seed: 7 };

await runCommand(async () => {
  const runs = parseRuns(Deno.args, 20);
  if (runs === null) return console.log(HELP);
  const folder = await Deno.makeTempDir({ prefix: "shapefirst_bench_" });
  const [assets, dataDir] = [`${folder}/assets`, `${folder}/data`];
  await Deno.mkdir(assets);
  await publishModels(modelsFolder(), assets);
  const gpu = await PacedGpu.listen(`${modelsFolder()}/mini`);
  const worker = `${ROOT}scripts/tools/bench/edge/worker.ts`;
  const edge = await startWorkerd({
    gpuUrl: gpu.url,
    assets,
    dataDir,
    worker,
    environment: LIMITS,
  });
  try {
    const url = edge.url ?? "";
    await measureCached(url, runs);
    await measureLive(url, gpu);
  } finally {
    await edge.stop();
    await gpu.close();
    await Deno.remove(folder, { recursive: true });
  }
});

interface Route {
  readonly name: string;
  readonly request: Uint8Array;
  /** Whether its first bytes are an event. */
  readonly streamed?: boolean;
  /** Whether the worker writes its log line for each request. */
  readonly logged?: boolean;
}

interface Measured {
  /** Times of single requests, in their order. */
  readonly firstMs: number[];
  readonly lastMs: number[];
  /** Requests per second of each window. */
  readonly perSecond: number[];
}

async function measureCached(url: string, runs: number): Promise<void> {
  const id = await fill(url);
  const post = (path: string, accept: string) => {
    const headers = { ...JSON_TYPE, accept };
    return requestBytes({ url, method: "POST", path, headers, body: JSON.stringify(REQUEST) });
  };
  const get = (path: string) => requestBytes({ url, method: "GET", path });
  const bare: Route = { name: "bare route", request: post("/v1/bare/hello", "application/json") };
  const routes: Route[] = [
    bare,
    { name: "POST, JSON", request: post("/v1/generations", "application/json") },
    {
      name: "POST, JSON, logged",
      request: post("/v1/generations", "application/json"),
      logged: true,
    },
    { name: "GET, JSON", request: get(`/v1/generations/${id}`) },
    { name: "image", request: get(`/v1/images/${id}.png`) },
    { name: "POST, stream", request: post("/v1/generations", "text/event-stream"), streamed: true },
  ];
  const measured = await takeTurns(url, routes, runs);
  const base = measured.get(bare);
  if (!base) return;
  console.log(
    "| cached answer | p50 | p95 | first bytes p95 | requests/s | p50 / bare | rate / bare |",
  );
  console.log("|---|---|---|---|---|---|---|");
  const ratios = new Map<string, { latency: number; rate: number }>();
  for (const [{ name }, { firstMs, lastMs, perSecond }] of measured) {
    // Windows of all routes took turns, so that a machine that slows down favours none.
    const latency = median(lastMs) / median(base.lastMs);
    const rate = median(perSecond.map((value, i) => value / (base.perSecond[i] ?? NaN)));
    ratios.set(name, { latency, rate });
    const cells = [
      name,
      `${median(lastMs).toFixed(2)} ms`,
      `${quantile(lastMs, 0.95).toFixed(2)} ms`,
      `${quantile(firstMs, 0.95).toFixed(2)} ms`,
      median(perSecond).toFixed(0),
      latency.toFixed(2),
      rate.toFixed(2),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
  judgeCached(ratios, measured);
}

function judgeCached(
  ratios: ReadonlyMap<string, { latency: number; rate: number }>,
  measured: ReadonlyMap<Route, Measured>,
): void {
  for (const name of ["POST, JSON", "image"]) {
    const { latency, rate } = ratios.get(name) ?? { latency: NaN, rate: NaN };
    judge(
      `${name} from the cache: p50 at most ${LATENCY_MAX} times the bare route's`,
      latency.toFixed(2),
      latency <= LATENCY_MAX,
    );
    judge(
      `${name} from the cache: at least ${RATE_MIN} of the bare route's requests/s`,
      rate.toFixed(2),
      rate >= RATE_MIN,
    );
  }
  for (const [{ streamed }, { firstMs }] of measured) {
    if (!streamed) continue;
    const p95 = quantile(firstMs, 0.95);
    judge(
      `first event of a cached stream within ${FIRST_EVENT_MS} ms, p95`,
      `${p95.toFixed(2)} ms`,
      p95 <= FIRST_EVENT_MS,
    );
  }
}

/** @returns the id of the generation that is then in the cache */
async function fill(url: string): Promise<string> {
  const response = await fetch(`${url}/v1/generations`, {
    method: "POST",
    headers: JSON_TYPE,
    body: JSON.stringify(REQUEST),
  });
  const body = await response.json();
  if (response.status !== 200) throw new Error(`The run failed: ${JSON.stringify(body)}`);
  return body.id;
}

async function takeTurns(
  url: string,
  routes: readonly Route[],
  runs: number,
): Promise<Map<Route, Measured>> {
  const measured = new Map<Route, Measured>();
  for (const route of routes) {
    measured.set(route, { firstMs: [], lastMs: [], perSecond: [] });
    await askInTurn(url, route, WARM_UP);
  }
  for (let run = 0; run < runs; run++) {
    for (let turn = 0; turn < routes.length; turn++) {
      const route = routes[(run + turn) % routes.length];
      const figures = route && measured.get(route);
      if (!route || !figures) continue;
      for (const { firstMs, lastMs } of await askInTurn(url, route, ONE_BY_ONE)) {
        figures.firstMs.push(firstMs);
        figures.lastMs.push(lastMs);
      }
      figures.perSecond.push(await rateOf(url, route));
    }
  }
  return measured;
}

async function askInTurn(url: string, route: Route, times: number): Promise<Answer[]> {
  await setConsole(url, route);
  const connection = await KeepAlive.open(url);
  const answers: Answer[] = [];
  for (let i = 0; i < times; i++) answers.push(await askFor(connection, route));
  connection.close();
  return answers;
}

/** Measures requests per second over new connections, since the server closes idle ones. */
async function rateOf(url: string, route: Route): Promise<number> {
  await setConsole(url, route);
  const connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => KeepAlive.open(url)),
  );
  const start = performance.now();
  await Promise.all(connections.map(async (connection) => {
    for (let i = 0; i < TOGETHER / CONNECTIONS; i++) await askFor(connection, route);
  }));
  const seconds = (performance.now() - start) / 1_000;
  for (const connection of connections) connection.close();
  return TOGETHER / seconds;
}

async function setConsole(url: string, { logged = false }: Route): Promise<void> {
  const response = await fetch(`${url}/v1/bare/console/${logged ? "on" : "off"}`);
  await response.body?.cancel();
}

async function askFor(connection: KeepAlive, { name, request }: Route) {
  const answer = await connection.ask(request);
  if (answer.status !== 200) throw new Error(`${name} answered ${answer.status}`);
  return answer;
}

async function measureLive(url: string, gpu: PacedGpu): Promise<void> {
  gpu.paceMs = PACE_MS;
  const edge: number[] = [];
  const relay: number[] = [];
  for (let run = 0; run < LIVE_RUNS; run++) {
    const response = await fetch(`${url}/v1/generations`, {
      method: "POST",
      headers: { ...JSON_TYPE, accept: "text/event-stream" },
      body: JSON.stringify({ ...REQUEST, seed: 100 + run }),
    });
    edge.push(...await delays(response, gpu));
    relay.push(...await delays(await fetch(`${url}/v1/bare/relay/${run}`), gpu));
  }
  for (
    const [name, values] of [["through the edge", edge], ["through a bare relay", relay]] as const
  ) {
    console.log(
      `live event ${name.padEnd(21)} p50 ${median(values).toFixed(2)} ms, ` +
        `p95 ${quantile(values, 0.95).toFixed(2)} ms, ${values.length} events`,
    );
  }
  const p95 = quantile(edge, 0.95);
  judge(
    `a live event reaches the client within ${LIVE_EVENT_MS} ms of its sending, network included, p95`,
    `${p95.toFixed(2)} ms`,
    p95 <= LIVE_EVENT_MS,
  );
}

/** Measures the milliseconds between each event's sending and its arrival here. */
async function delays(response: Response, gpu: PacedGpu): Promise<number[]> {
  if (response.status !== 200 || !response.body) throw new Error(`Answered ${response.status}`);
  const decoder = createServerSentDecoder();
  const arrived: (readonly [id: number, at: number])[] = [];
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const at = performance.now();
    for (const { id } of decoder.feed(text)) if (id !== null) arrived.push([id, at]);
  }
  return arrived.map(([id, at]) => at - (gpu.sentAt[id] ?? NaN));
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}
