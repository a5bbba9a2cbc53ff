/** An edge in process over a database that can fail, with the GPU double behind it. */
import assert from "node:assert/strict";
import { type GenerationRequestInput, isTerminal } from "../../contract/mod.ts";
import type { GpuBackend } from "../../edge/backends/gpu_backend.ts";
import { ConformanceClient, type Frame } from "../support/conformance_client.ts";
import {
  type EdgeOptions,
  type EdgeProcess,
  type LocalEdge,
  startInProcess,
} from "../support/edges.ts";
import { drawEvents, planOf } from "../support/drawn_events.ts";
import { GpuDouble } from "../support/gpu_double.ts";
import { withClient } from "../support/ground.ts";
import { publishFixtureModel } from "../support/published_model.ts";
import { type FailingDatabase, openFailingDatabase } from "./failing_database.ts";

export type SeededInput = GenerationRequestInput & { readonly seed: number };

/** Limits are off, so that none hides what a fault does. */
export const UNLIMITED: Readonly<Record<string, string>> = {
  LOOPBACK_LIMITS: "requests=1000000000,evaluations=1000000000,concurrent=1000000",
  ANONYMOUS_LIMITS: "requests=1000000000,evaluations=1000000000,concurrent=1000000",
};

export class Stage {
  readonly gpu: GpuDouble;
  readonly data: FailingDatabase;
  readonly #assets: string;
  #edge: LocalEdge;
  #client: ConformanceClient;

  private constructor(parts: {
    gpu: GpuDouble;
    data: FailingDatabase;
    assets: string;
    edge: LocalEdge;
  }) {
    this.gpu = parts.gpu;
    this.data = parts.data;
    this.#assets = parts.assets;
    this.#edge = parts.edge;
    this.#client = new ConformanceClient(parts.edge, parts.gpu, 1);
  }

  static async open(): Promise<Stage> {
    const assets = await publishFixtureModel();
    const data = await openFailingDatabase(`${assets}/shapefirst.sqlite`);
    const gpu = new GpuDouble().listen();
    const edge = await startOver(gpu, data, assets);
    return new Stage({ gpu, data, assets, edge });
  }

  get client(): ConformanceClient {
    return this.#client;
  }

  settled(): Promise<void> {
    return this.#edge.settled();
  }

  /** Loses the edge's memory and keeps the database. */
  async restart(): Promise<void> {
    await this.#edge.stop();
    this.#edge = await startOver(this.gpu, this.data, this.#assets);
    const { seed } = this.#client.fresh();
    this.#client = new ConformanceClient(this.#edge, this.gpu, seed);
  }

  async close(): Promise<void> {
    await this.#edge.stop();
    await this.gpu.close();
    this.data.close();
    await Deno.remove(this.#assets, { recursive: true });
  }
}

function startOver(gpu: GpuDouble, data: FailingDatabase, assets: string): Promise<LocalEdge> {
  const { database } = data;
  const environment = UNLIMITED;
  return startInProcess({ gpuUrl: gpu.url, assets, dataDir: assets, database, environment });
}

export async function withStage(test: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = await Stage.open();
  try {
    await test(stage);
  } finally {
    await stage.close();
  }
}

/** An edge in process over the test's own GPU function: an address, or the whole back end. */
export async function withEdge(
  gpu: string | GpuBackend,
  test: (client: ConformanceClient) => Promise<void>,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const assets = await publishFixtureModel();
  const options = { assets, dataDir: assets, environment: { ...UNLIMITED, ...more } };
  const edge = await startInProcess(
    typeof gpu === "string" ? { ...options, gpuUrl: gpu } : { ...options, gpuUrl: "", gpu },
  );
  try {
    // This double receives no calls, since the test has its own GPU function.
    await test(new ConformanceClient(edge, new GpuDouble(), 1));
  } finally {
    await edge.stop();
    await Deno.remove(assets, { recursive: true });
  }
}

/** An edge in a process of its own, with the GPU double behind it. */
export async function withProcess(
  start: (options: EdgeOptions) => Promise<EdgeProcess>,
  set: Pick<EdgeOptions, "worker" | "environment">,
  test: (client: ConformanceClient, options: EdgeOptions) => Promise<void>,
): Promise<void> {
  await withClient(start, (client, _, options) => test(client, options), set);
}

/** The hash of the image of an undisturbed run. */
export function undisturbedSha256(request: SeededInput): string {
  const image = drawEvents(planOf(request)).find((event) => event.type === "generation.image");
  assert(image);
  return image.sha256;
}

/** Asserts that ids count from `from` without a gap and that one terminal event comes last. */
export function assertEnds(frames: readonly Frame[], from = 0): void {
  assert.deepEqual(frames.map(({ id }) => id), frames.map((_, index) => index + from));
  const ends = frames.filter(({ event }) => isTerminal(event));
  assert.equal(ends.length, 1);
  assert.equal(ends[0], frames.at(-1));
}

/** Asserts a whole success, with the image of an undisturbed run. */
export async function assertWhole(frames: readonly Frame[], sha256: string): Promise<void> {
  assertEnds(frames);
  assert.equal(frames.at(-1)?.event.type, "generation.completed", JSON.stringify(frames.at(-1)));
  const image = frames.map(({ event }) => event).find((e) => e.type === "generation.image");
  assert(image);
  assert.equal(await sha256Of(Uint8Array.fromBase64(image.data)), sha256);
}

export async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
