// Rows that take long must hold up nothing but themselves: no answer, no heartbeat, no cancel, no other client.
import assert from "node:assert/strict";
import { isTerminal, PROGRESS } from "../../contract/mod.ts";
import { publishModels } from "../../scripts/service/publish_models.ts";
import { postGeneration, readEvents } from "../end_to_end/service_client.ts";
import { type EdgeOptions, type EdgeProcess, startDeno, startWorkerd } from "../support/edges.ts";
import { type SlowGpuFunction, startSlowGpuFunction } from "../support/slow_gpu_function.ts";
import { IS_LONG } from "./call_faults.ts";
import { UNLIMITED } from "./stage.ts";

const STARTS = [startWorkerd, startDeno];
/** Milliseconds that each run of the denoiser is blocked. */
const ROWS = IS_LONG ? [1_000, 3_000, 6_000, 12_000, 31_000, 60_000] : [3_000];
/** Three rows, one after the other. */
const SLOW = { prompt: "a blue bird", num_inference_steps: 3, guidance_scale: 1 };
/** A heartbeat is due every ten seconds. */
const SILENCE_MAX_MS = 11_000;

/** What was seen while rows were blocked, in milliseconds. */
interface Seen {
  live: number;
  ready: number;
  accepted: number;
  firstByte: number;
  canceled: number;
  silence: number;
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}

const answered = async (url: string) => {
  const response = await fetch(url);
  await response.body?.cancel();
  assert.equal(response.status, 200);
};

/** Asks for the state of everything until the run is over, ten times a second. */
async function watch(gpu: SlowGpuFunction, edge: EdgeProcess, over: Promise<unknown>, seen: Seen) {
  let isOver = false;
  const end = over.finally(() => isOver = true);
  while (!isOver) {
    seen.live = Math.max(seen.live, await timed(() => answered(`${gpu.url}/live`)));
    seen.ready = Math.max(seen.ready, await timed(() => answered(`${gpu.url}/ready`)));
    const { gpu: { status, functions } } = await (await edge.request("/health")).json();
    assert.match(status, /^(READY|BUSY)$/);
    assert.equal(functions[0].circuit, "closed");
    await new Promise((done) => setTimeout(done, 100));
  }
  await end;
}

/** Reads a stream to its end, and measures its longest silence. */
async function listen(response: Response, seen: Seen): Promise<string> {
  let text = "";
  let last = performance.now();
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    seen.silence = Math.max(seen.silence, performance.now() - last);
    last = performance.now();
    text += chunk;
  }
  return text;
}

/** A second client comes, gets its first event and cancels its run. */
async function comeAndGo(url: string, seen: Seen): Promise<void> {
  let response: Response | undefined;
  seen.accepted = await timed(async () =>
    response = await postGeneration(url, { ...SLOW, seed: 2 })
  );
  const start = performance.now();
  let canceledAt = start;
  const events = await readEvents(response!, ({ event }) => {
    if (event.type !== "generation.queued") return isTerminal(event);
    seen.firstByte = performance.now() - start;
    canceledAt = performance.now();
    void fetch(`${url}/v1/generations/${event.id}`, { method: "DELETE" })
      .then((answer) => answer.body?.cancel());
    return false;
  });
  assert.equal(events.at(-1)?.event.type, "generation.canceled");
  seen.canceled = performance.now() - canceledAt;
}

async function serveSlowly(edge: EdgeProcess, gpu: SlowGpuFunction, rowMs: number): Promise<Seen> {
  const seen: Seen = { live: 0, ready: 0, accepted: 0, firstByte: 0, canceled: 0, silence: 0 };
  const url = edge.url ?? "";
  const run = listen(await postGeneration(url, { ...SLOW, seed: 1 }), seen);
  const watched = watch(gpu, edge, run, seen);
  // What fails first is reported; these two would fail after it.
  for (const other of [run, watched]) other.catch(() => {});
  while (gpu.service.progress[0]?.activity !== "denoising") {
    await new Promise((d) => setTimeout(d, 20));
  }
  await comeAndGo(url, seen);
  const text = await run;
  await watched;
  assert.equal(text.match(/^event: generation\.completed$/gm)?.length, 1, text.slice(-500));
  if (rowMs > 1_000) assert.match(text, new RegExp(`^event: ${PROGRESS}$`, "m"));
  assert.equal(gpu.service.tally.started, 2, "a run was drawn twice");
  const stored = await readEvents(await postGeneration(url, { ...SLOW, seed: 1 }));
  const end = stored.at(-1)?.event;
  assert(end?.type === "generation.completed" && end.cached, "it was not stored");
  return seen;
}

async function withSlowService(
  start: (options: EdgeOptions) => Promise<EdgeProcess>,
  rowMs: number,
): Promise<Seen & { readonly name: string }> {
  const assets = await Deno.makeTempDir({ prefix: "shapefirst_assets_" });
  await publishModels("gpu-function/models", assets);
  const gpu = await startSlowGpuFunction(rowMs);
  const options = { gpuUrl: gpu.url, assets, dataDir: `${assets}/data`, environment: UNLIMITED };
  const edge = await start(options);
  try {
    return {
      name: `${edge.name}, rows of ${rowMs / 1_000} s`,
      ...await serveSlowly(edge, gpu, rowMs),
    };
  } finally {
    await edge.stop();
    await gpu.close();
    await Deno.remove(assets, { recursive: true });
  }
}

for (const start of STARTS) {
  Deno.test(`Rows that block for long hold up nothing else, ${start.name}`, async () => {
    const ended = await Promise.allSettled(ROWS.map((rowMs) => withSlowService(start, rowMs)));
    const all = ended.map((one) =>
      one.status === "fulfilled" ? one.value : assert.fail(one.reason)
    );
    const whole = (
      { name, ...seen }: typeof all[number],
    ) => [name, Object.fromEntries(Object.entries(seen).map(([k, ms]) => [k, Math.round(ms)]))];
    if (IS_LONG) console.table(Object.fromEntries(all.map(whole)));
    for (const [index, { name, silence, ...waits }] of all.entries()) {
      assert(silence <= SILENCE_MAX_MS, `${name}: ${silence} ms of silence`);
      for (const [what, ms] of Object.entries(waits)) {
        assert(ms < (ROWS[index] ?? 0) / 2, `${name}: ${what} waited ${ms} ms, as for a row`);
      }
    }
  });
}
