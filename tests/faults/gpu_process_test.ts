// GPU functions are killed in the real service: onnxruntime behind workerd, D1 and rooms.
import assert from "node:assert/strict";
import { type GenerationEvent, isTerminal, parseGenerationRequest } from "../../contract/mod.ts";
import { openEngine } from "../../scripts/engine/engine_runs.ts";
import { publishModels } from "../../scripts/service/publish_models.ts";
import type { ServiceProcess } from "../../scripts/service/service_process.ts";
import { startGpuFunction } from "../../scripts/service/stack.ts";
import { type Edge, type EdgeOptions, startDeno, startWorkerd } from "../support/edges.ts";
import {
  generate,
  type NumberedEvent,
  postGeneration,
  readEvents,
  readMetric,
} from "../end_to_end/service_client.ts";
import { IS_LONG } from "./call_faults.ts";
import { sha256Of, UNLIMITED } from "./stage.ts";

const MODELS = "gpu-function/models";
const STEPS = 20;

interface Moment {
  readonly name: string;
  /** The last event that is read before the kill. */
  readonly isLast: (event: GenerationEvent) => boolean;
}

const MOMENTS: readonly Moment[] = [
  { name: "before the steps", isLast: (event) => event.type === "generation.queued" },
  { name: "at a step", isLast: (event) => event.type === "generation.step" && event.step === 9 },
  {
    name: "behind the last step",
    isLast: (event) => event.type === "generation.step" && event.step === STEPS - 1,
  },
];

/** Processes that come back under the same addresses. */
class GpuFunctions {
  readonly #processes = new Map<number, ServiceProcess>();
  readonly ports: readonly number[];

  constructor(count: number) {
    const listeners = Array.from(
      { length: count },
      () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
    );
    this.ports = listeners.map(({ addr }) => (addr as Deno.NetAddr).port);
    for (const listener of listeners) listener.close();
  }

  urlOf(port: number): string {
    return `http://127.0.0.1:${port}`;
  }

  get urls(): string {
    return this.ports.map((port) => this.urlOf(port)).join(",");
  }

  start(port: number): void {
    const options = { gpuPort: port, modelsDir: MODELS, quiet: true };
    this.#processes.set(port, startGpuFunction(options));
  }

  async ready(port: number): Promise<void> {
    for (let attempt = 0; attempt < 600; attempt++) {
      const health = await fetch(`${this.urlOf(port)}/health-check`).then((r) => r.json())
        .catch(() => null);
      if (health?.status === "READY") return;
      await new Promise((done) => setTimeout(done, 100));
    }
    throw new Error(`Not ready:\n${this.#processes.get(port)?.output()}`);
  }

  async kill(port: number): Promise<void> {
    await this.#processes.get(port)?.stop("SIGKILL");
    this.#processes.delete(port);
  }

  async close(): Promise<void> {
    await Promise.all(this.ports.map((port) => this.kill(port)));
  }

  /** The port of the function that has the run. */
  async holderOf(id: string): Promise<number> {
    for (const port of this.ports) {
      const response = await fetch(`${this.urlOf(port)}/predictions/${id}`);
      await response.body?.cancel();
      if (response.status === 200) return port;
    }
    throw new Error(`No GPU function has ${id}`);
  }

  async assertIdle(): Promise<void> {
    for (const port of this.ports) {
      const gauges = ["generations_running", "generations_queued", "event_readers"];
      const values = gauges.map((name) => readMetric(this.urlOf(port), `shapefirst_${name}`));
      assert.deepEqual(await Promise.all(values), [0, 0, 0]);
    }
  }
}

function requestOf(seed: number) {
  return { prompt: "a blue bird", seed, num_inference_steps: STEPS };
}

/** The images of undisturbed runs. */
async function drawUndisturbed(seeds: readonly number[]): Promise<Map<number, string>> {
  const engine = await openEngine();
  const drawn = new Map<number, string>();
  for (const seed of seeds) {
    const request = parseGenerationRequest(requestOf(seed));
    assert(request.ok);
    const plan = engine.plan(request.value);
    assert(plan.ok);
    for await (const event of engine.generate(plan.value, new AbortController().signal)) {
      if (event.type === "generation.image") drawn.set(seed, event.sha256);
    }
  }
  await engine.close();
  return drawn;
}

async function imageOf(events: readonly NumberedEvent[]): Promise<string | null> {
  const image = events.map(({ event }) => event).find(({ type }) => type === "generation.image");
  if (image?.type !== "generation.image") return null;
  return await sha256Of(Uint8Array.fromBase64(image.data));
}

function assertOneEnd(events: readonly NumberedEvent[]): void {
  assert.deepEqual(events.map(({ id }) => id), events.map((_, index) => index));
  assert.deepEqual(events.filter(({ event }) => isTerminal(event)), events.slice(-1));
}

/** Reads a run up to the moment, kills its GPU function, and reads on. */
async function killAt(
  url: string,
  seed: number,
  moment: Moment,
  kill: (id: string) => Promise<void>,
) {
  const response = await postGeneration(url, requestOf(seed));
  const events: NumberedEvent[] = [];
  let killed: Promise<void> | null = null;
  const rest = await readEvents(response, (numbered) => {
    if (!killed && moment.isLast(numbered.event)) killed = kill(idOf(events.concat(numbered)));
    events.push(numbered);
    return false;
  });
  await killed;
  assert(killed, "the moment never came");
  assertOneEnd(rest);
  return rest;
}

function idOf(events: readonly NumberedEvent[]): string {
  const [first] = events;
  assert(first?.event.type === "generation.queued");
  return first.event.id;
}

type Start = (options: EdgeOptions) => Promise<Edge>;

async function withEdge(
  { gpuUrl, start }: { readonly gpuUrl: string; readonly start: Start },
  test: (edge: Edge) => Promise<void>,
): Promise<void> {
  const assets = await Deno.makeTempDir({ prefix: "shapefirst_assets_" });
  await publishModels(MODELS, assets);
  const edge = await start({ gpuUrl, assets, dataDir: `${assets}/data`, environment: UNLIMITED });
  try {
    await test(edge);
  } finally {
    await edge.stop();
    await Deno.remove(assets, { recursive: true });
  }
}

Deno.test("Of two GPU functions one is killed at any moment: the other ends the run, as it would have", async () => {
  const undisturbed = await drawUndisturbed(MOMENTS.map((_, index) => index));
  const gpus = new GpuFunctions(2);
  for (const port of gpus.ports) gpus.start(port);
  try {
    await Promise.all(gpus.ports.map((port) => gpus.ready(port)));
    await withEdge({ gpuUrl: gpus.urls, start: startWorkerd }, async ({ url }) => {
      for (const [seed, moment] of MOMENTS.entries()) {
        let killed = 0;
        const events = await killAt(url ?? "", seed, moment, async (id) => {
          killed = await gpus.holderOf(id);
          await gpus.kill(killed);
        });
        assert.equal(events.at(-1)?.event.type, "generation.completed", moment.name);
        assert.equal(await imageOf(events), undisturbed.get(seed), moment.name);
        // Started only now, so that only the other one can have ended the run.
        gpus.start(killed);
        await Promise.all(gpus.ports.map((port) => gpus.ready(port)));
        const again = await generate(url ?? "", requestOf(seed));
        assert.equal(await imageOf(again), undisturbed.get(seed));
      }
      await gpus.assertIdle();
    });
  } finally {
    await gpus.close();
  }
});

Deno.test("A single GPU function killed at any moment and started again: the run ends once, and is not lost", async () => {
  const undisturbed = await drawUndisturbed(MOMENTS.map((_, index) => index));
  const gpus = new GpuFunctions(1);
  const [port = 0] = gpus.ports;
  gpus.start(port);
  try {
    await gpus.ready(port);
    await withEdge({ gpuUrl: gpus.urls, start: startDeno }, async ({ url }) => {
      for (const [seed, moment] of MOMENTS.entries()) {
        if (!IS_LONG && moment.name !== "at a step") continue;
        const events = await killAt(url ?? "", seed, moment, async () => {
          await gpus.kill(port);
          gpus.start(port);
        });
        const end = events.at(-1)?.event;
        // On a slow machine it may be back too late for this run; then the next request has it.
        if (end?.type === "generation.failed") assert.equal(end.error.code, "upstream_failed");
        else assert.equal(await imageOf(events), undisturbed.get(seed), moment.name);
        await gpus.ready(port);
        const again = await generate(url ?? "", requestOf(seed));
        assert.equal(again.at(-1)?.event.type, "generation.completed");
        assert.equal(await imageOf(again), undisturbed.get(seed), moment.name);
      }
      await gpus.assertIdle();
    });
  } finally {
    await gpus.close();
  }
});
