/** What a case works with: an edge, the GPU double behind it, and requests to the API. */
import assert from "node:assert/strict";
import {
  createServerSentDecoder,
  type GenerationEvent,
  type GenerationRequestInput,
  type GpuHealth,
  type Parsed,
  parseGenerationEvent,
  parseSweepEvent,
  PROGRESS,
  type SweepEvent,
} from "../../contract/mod.ts";
import type { Edge } from "./edges.ts";
import type { GpuDouble } from "./gpu_double.ts";

export interface Frame<Event = GenerationEvent> {
  readonly id: number;
  readonly event: Event;
  /** The data as it was on the wire. */
  readonly data: string;
}

/** Their pauses take far longer than an answer holds. */
const HEALTH_ATTEMPTS = 200;

export class ConformanceClient {
  readonly edge: Edge;
  readonly gpu: GpuDouble;
  #seed: number;

  constructor(edge: Edge, gpu: GpuDouble, firstSeed: number) {
    this.edge = edge;
    this.gpu = gpu;
    this.#seed = firstSeed;
  }

  /** A request that no other case makes. */
  fresh(more: Partial<GenerationRequestInput> = {}): GenerationRequestInput & { seed: number } {
    return { model: "fixture", prompt: "a blue bird", ...more, seed: this.#seed++ };
  }

  request(path: string, init?: RequestInit): Promise<Response> {
    return this.edge.request(path, init);
  }

  post(
    body: unknown,
    { path = "/v1/generations", headers = {} }: {
      path?: string;
      headers?: Record<string, string>;
    } = {},
  ): Promise<Response> {
    return this.request(path, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream", ...headers },
      body: JSON.stringify(body),
    });
  }

  async stream(request: GenerationRequestInput): Promise<Frame[]> {
    return await readFrames(await this.post(request));
  }

  async json(request: GenerationRequestInput) {
    const response = await this.post(request, { headers: { accept: "application/json" } });
    assert.equal(response.status, 200);
    return await response.json();
  }

  follow(id: string, after?: number): Promise<Response> {
    const headers: Record<string, string> = after === undefined
      ? {}
      : { "last-event-id": String(after) };
    return this.request(`/v1/generations/${id}/events`, { headers });
  }

  /** Asks for the health until it is as expected, since the answer of a moment ago still holds. */
  async health(isExpected: (gpu: GpuHealth) => boolean): Promise<{ readonly gpu: GpuHealth }> {
    for (let attempt = 0;; attempt++) {
      const response = await this.request("/health");
      assert.equal(response.status, 200);
      const health = await response.json();
      if (isExpected(health.gpu)) return health;
      assert(attempt < HEALTH_ATTEMPTS, `The health stays ${JSON.stringify(health)}`);
      await new Promise((done) => setTimeout(done, 50));
    }
  }

  /** Opens a stream. The test reads it on, or leaves it. */
  async open(request: GenerationRequestInput): Promise<FrameReader> {
    return new FrameReader(await this.post(request));
  }
}

type Parse<Event> = (input: unknown) => Parsed<Event>;

/** Reads frames one by one. */
class EventReader<Event extends { readonly type: string }> {
  readonly #frames: AsyncGenerator<Frame<Event>>;
  constructor(response: Response, parse: Parse<Event>) {
    this.#frames = decodeFrames(response, parse);
  }

  async until(id: number): Promise<Frame<Event>[]> {
    const frames: Frame<Event>[] = [];
    while (frames.at(-1)?.id !== id) {
      const { value, done } = await this.#frames.next();
      if (done) throw new Error(`The stream ended before event ${id}`);
      frames.push(value);
    }
    return frames;
  }

  async rest(): Promise<Frame<Event>[]> {
    return await Array.fromAsync(this.#frames);
  }

  async leave(): Promise<void> {
    await this.#frames.return(undefined);
  }
}

export class FrameReader extends EventReader<GenerationEvent> {
  constructor(response: Response) {
    super(response, parseGenerationEvent);
  }
}

export class SweepReader extends EventReader<SweepEvent> {
  constructor(response: Response) {
    super(response, parseSweepEvent);
  }
}

export async function readFrames(response: Response): Promise<Frame[]> {
  return await new FrameReader(response).rest();
}

async function* decodeFrames<Event extends { readonly type: string }>(
  response: Response,
  parse: Parse<Event>,
): AsyncGenerator<Frame<Event>> {
  if (!response.ok) assert.fail(`${response.status} ${await response.text()}`);
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  assert.match(response.headers.get("cache-control") ?? "", /no-store/);
  const decoder = createServerSentDecoder();
  for await (
    const text of (response.body ?? new Blob().stream()).pipeThrough(new TextDecoderStream())
  ) {
    for (const { id, event, data } of decoder.feed(text)) {
      // What a run is doing belongs to the moment: no test can foresee it.
      if (event === PROGRESS) continue;
      const parsed = parse(JSON.parse(data));
      assert(parsed.ok && id !== null);
      assert.equal(event, parsed.value.type);
      yield { id, event: parsed.value, data };
    }
  }
}

export function typesOf(frames: readonly Frame[]): string[] {
  return frames.map(({ event }) => event.type.slice("generation.".length));
}

/** The id of the frames' generation. */
export function idOf(frames: readonly Frame[]): string {
  const [first] = frames;
  assert(first?.event.type === "generation.queued");
  return first.event.id;
}

/** Asserts a refusal, whose shape is the same everywhere. */
export async function assertProblem(
  response: Response,
  expected: { readonly status: number; readonly code: string; readonly field?: string },
) {
  const text = await response.text();
  assert.equal(response.status, expected.status, text);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const problem = JSON.parse(text);
  assert.equal(problem.code, expected.code);
  assert.equal(problem.status, expected.status);
  assert(problem.detail.length > 0);
  if (expected.field !== undefined) {
    const issue = problem.errors.find((e: { field: string }) => e.field === expected.field);
    assert(issue, `no issue names ${expected.field}: ${text}`);
    assert(issue.allowed.length > 0 && issue.given.length > 0);
    assert(problem.detail.includes(issue.message));
  }
  return problem;
}
