/**
 * Another program's stand-in: an HTTP server that speaks the GPU function's side of the contract and
 * draws nothing. Tests hold it by its seeds: what happens to a generation is scripted for its seed.
 */
import {
  createProblem,
  encodeOutput,
  type GenerationEvent,
  HEARTBEAT,
  isTerminal,
  lacksInsights,
  parseEventId,
  parseOwnedRequest,
  phaseOfStep,
  type Plan,
  planGeneration,
} from "../../contract/mod.ts";
import { createHash } from "node:crypto";
import { planningModel } from "../../contract/fixtures/planning_model.ts";

export interface Script {
  /** Events with a greater id wait until `release(seed)`. */
  readonly pauseAfter?: number;
  /** The first connection ends behind this event, too early. */
  readonly breakAfter?: number;
  /** Forgets the run when the first connection breaks, as a restarted process would. */
  readonly forget?: boolean;
  readonly imageBytes?: number;
  readonly previewBytes?: number;
  /** Sends the plan of another generation. */
  readonly otherPlan?: boolean;
  readonly wrongSha256?: boolean;
  /** What the model's safety checker says of the image; unless given there is none. */
  readonly flagged?: boolean;
  /** Ends with a problem instead of the image. */
  readonly fail?: boolean;
  /** Refuses the prediction with this problem code. */
  readonly refuse?: { readonly status: number; readonly code: string };
}

interface Run {
  readonly plan: Plan;
  readonly events: readonly GenerationEvent[];
  /** How many of them have happened. */
  ready: number;
  changed: PromiseWithResolvers<void>;
}

export class GpuDouble {
  readonly #scripts = new Map<number | string, Script>();
  readonly #runs = new Map<string, Run>();
  readonly #broken = new Set<string>();
  #server: Deno.HttpServer<Deno.NetAddr> | null = null;
  #kill = new AbortController();
  /** Every `PUT`, in order. */
  readonly puts: {
    readonly id: string;
    readonly lastEventId: number | null;
    readonly requestId: string | null;
  }[] = [];
  /** Generations begun, which is what a GPU would be paid for. */
  readonly #starts: string[] = [];
  /** Readers that left before the end. */
  dropped = 0;
  /** Readers at present. */
  reading = 0;

  #asked = Promise.withResolvers<void>();

  /** Settles with the next `PUT`. */
  async nextPut(): Promise<void> {
    await this.#asked.promise;
  }

  get started(): number {
    return this.#starts.length;
  }

  /** How often this one was begun. */
  startsOf(id: string): number {
    return this.#starts.filter((begun) => begun === id).length;
  }

  get url(): string {
    if (!this.#server) throw new Error("The GPU double is not listening");
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  listen(port = 0): this {
    this.#kill = new AbortController();
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port, onListen: () => {}, signal: this.#kill.signal },
      (request) => this.#handle(request),
    );
    return this;
  }

  /** Breaks off its connections in the middle, as a process that is killed does. */
  async crash(): Promise<void> {
    this.#runs.clear();
    this.#kill.abort();
    await this.#server?.finished;
    this.#server = null;
  }

  /** Ends the server with its connections; what it had run is forgotten. */
  async close(): Promise<void> {
    for (const id of [...this.#runs.keys()]) this.#finish(id);
    this.#runs.clear();
    await this.#server?.shutdown();
    this.#server = null;
  }

  /** @param of a seed, or a content key, which wins */
  script(of: number | string, script: Script): void {
    this.#scripts.set(of, script);
  }

  /** Lets a paused run go on to its end. */
  release(id: string): void {
    this.#finish(id);
  }

  /** As if it had never run. */
  forget(id: string): void {
    this.#runs.delete(id);
  }

  #finish(id: string): void {
    const run = this.#runs.get(id);
    if (run) this.#advance(run, run.events.length);
  }

  #advance(run: Run, ready: number): void {
    run.ready = ready;
    run.changed.resolve();
    run.changed = Promise.withResolvers();
  }

  async #handle(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/health-check") return Response.json({ status: "READY" });
    const [, id = "", cancel] = pathname.match(/^\/predictions\/([0-9a-f]{64})(\/cancel)?$/) ?? [];
    if (cancel) return this.#cancel(id);
    const { input } = await request.json();
    const lastEventId = parseEventId(request.headers.get("last-event-id"));
    const requestId = request.headers.get("x-request-id");
    this.puts.push({ id, lastEventId, requestId });
    this.#asked.resolve();
    this.#asked = Promise.withResolvers();
    const script = this.#scripts.get(id) ?? this.#scripts.get(input.seed) ?? {};
    if (script.refuse) return Response.json(script.refuse, { status: script.refuse.status });
    const run = this.#runAgain(id, input) ?? this.#start(id, input, script);
    return this.#stream(id, run, lastEventId ?? -1, script);
  }

  /** The one there is, unless it lacks insights. */
  #runAgain(id: string, input: unknown): Run | null {
    const run = this.#runs.get(id);
    return run && !lacksInsights(run.plan, planOf(input)) ? run : null;
  }

  #start(id: string, input: unknown, script: Script): Run {
    const plan = planOf(input);
    const events = drawEvents(plan, script);
    const ready = script.pauseAfter === undefined ? events.length : script.pauseAfter + 1;
    const run = { plan, events, ready, changed: Promise.withResolvers<void>() };
    this.#starts.push(id);
    this.#runs.set(id, run);
    return run;
  }

  #cancel(id: string): Response {
    const run = this.#runs.get(id);
    if (!run) return new Response(null, { status: 404 });
    const canceled: GenerationEvent = { type: "generation.canceled", evaluations: 6 };
    const events = [...run.events.slice(0, run.ready), canceled];
    Object.assign(run, { events });
    this.#advance(run, events.length);
    this.#runs.delete(id);
    return new Response(null, { status: 200 });
  }

  #stream(id: string, run: Run, after: number, script: Script): Response {
    const text = new TextEncoder();
    let index = after + 1;
    let greeted = false;
    this.reading++;
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        if (!greeted) {
          greeted = true;
          const start = `event: start\ndata: {"id":"${id}","status":"processing"}\n\n`;
          return controller.enqueue(text.encode(start + HEARTBEAT));
        }
        if (script.breakAfter !== undefined && index > script.breakAfter && !this.#broken.has(id)) {
          this.#broken.add(id);
          if (script.forget) this.#runs.delete(id);
          return this.#close(controller);
        }
        while (index >= run.ready) await run.changed.promise;
        const event = run.events[index];
        if (!event) return this.#close(controller);
        controller.enqueue(text.encode(encodeOutput(event, index++)));
        if (isTerminal(event)) this.#close(controller);
      },
      cancel: () => {
        this.dropped++;
        this.reading--;
      },
    }, { highWaterMark: 0 });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  #close(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.reading--;
    controller.close();
  }
}

export function planOf(input: unknown): Plan {
  const request = parseOwnedRequest(input);
  if (!request.ok) throw new Error(request.problem.detail);
  const { seed } = request.value;
  if (seed === undefined) throw new Error("The edge has to draw the seed");
  const plan = planGeneration({ ...request.value, seed }, planningModel());
  if (!plan.ok) throw new Error(plan.problem.detail);
  return plan.value;
}

/** The whole run of a plan, the same each time. */
export function drawEvents(plan: Plan, script: Script = {}): GenerationEvent[] {
  const { num_inference_steps, output_format, width, height } = plan;
  const media_type = `image/${output_format}` as const;
  const picture = (bytes: Uint8Array) => ({ media_type, width, height, data: bytes.toBase64() });
  const image = drawBytes(plan.id, script.imageBytes ?? 300);
  const told = script.otherPlan ? { ...plan, id: "0".repeat(64) } : plan;
  const events: GenerationEvent[] = [
    { type: "generation.queued", id: plan.id },
    { type: "generation.planned", plan: told },
  ];
  let evaluations = 0;
  for (let step = 0; step < num_inference_steps; step++) {
    const { a, tail } = plan.cutoff;
    if (step === num_inference_steps - a) events.push({ type: "generation.cutoff", step, tail });
    const { rows } = phaseOfStep(plan.phases, step);
    evaluations += rows;
    const timestep = 999 - step;
    const guidance_norm_ratio = rows === 2 ? 0.5 : null;
    events.push({
      type: "generation.step",
      step,
      num_inference_steps,
      timestep,
      evaluations,
      guidance_norm_ratio,
    });
    events.push(...drawInsights(plan, step));
    if (plan.previews.steps.includes(step)) {
      const { method } = plan.previews;
      const bytes = drawBytes(`${plan.id} ${step}`, script.previewBytes ?? 60);
      events.push({ type: "generation.preview", step, method, ...picture(bytes) });
    }
  }
  if (script.fail) {
    const error = createProblem("internal", "The engine broke off");
    return [...events, { type: "generation.failed", error }];
  }
  const sha256 = script.wrongSha256
    ? "0".repeat(64)
    : createHash("sha256").update(image).digest("hex");
  const safety = script.flagged === undefined ? {} : { safety: { flagged: script.flagged } };
  events.push({ type: "generation.image", ...picture(image), sha256, ...safety });
  events.push({
    type: "generation.completed",
    id: plan.id,
    evaluations: { ...plan.evaluations, spent: evaluations, shared: 0 },
    determinism: "bitwise",
    timings: { total_ms: 3, inference_ms: 2 },
    cached: false,
  });
  return events;
}

function drawInsights({ id, insights: { names, map_steps } }: Plan, step: number) {
  const maps = {
    width: 8,
    height: 4,
    tokens: [{ position: 1, max: 0.5, data: drawBytes(`${id} map ${step}`, 32).toBase64() }],
  };
  const events: Readonly<Record<(typeof names)[number], GenerationEvent>> = {
    attention: {
      type: "generation.attention",
      step,
      shares: { sos: 0.5, semantic: 0.25, eos: 0.25 },
      maps: map_steps.includes(step) ? maps : null,
    },
    frequency: {
      type: "generation.frequency",
      step,
      x: { low: 0.5, high: 1 },
      x0: { low: 1, high: 0.5 },
    },
    guidance: {
      type: "generation.guidance",
      step,
      unconditional_norm: 1,
      guidance_norm: 0.5,
      cosine: 0.75,
    },
  };
  return names.map((name) => events[name]);
}

/** Bytes of the wanted length that differ from name to name. */
function drawBytes(name: string, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = name.charCodeAt(i % name.length) ^ (i % 251);
  return bytes;
}
