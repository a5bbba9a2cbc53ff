/**
 * The GPU function's own service and server on loopback, with an engine that draws nothing. Tests
 * control it by seed: what happens to a generation is scripted for its seed.
 */
import {
  createProblem,
  type ErrorCode,
  type GenerationEvent,
  type OwnedRequest,
  type Parsed,
  parseEventId,
  type Plan,
  refuse,
} from "../../contract/mod.ts";
import { PacedEngine, Run } from "../../gpu-function/fixtures/paced_engine.ts";
import {
  GenerationService,
  type ServiceLimits,
  type ServiceTally,
} from "../../gpu-function/jobs/service.ts";
import { createMetrics } from "../../gpu-function/server/metrics.ts";
import { CallVerifier } from "../../gpu-function/server/request_signature.ts";
import { createServer } from "../../gpu-function/server/server.ts";
import { drawEvents, type Drawing } from "./drawn_events.ts";

export interface Script extends Drawing {
  /** Events with a greater id wait until `release(id)`. The first two never wait. */
  readonly pauseAfter?: number;
  /** The first connection ends too early, after this event. */
  readonly breakAfter?: number;
  /** The run is lost when the first connection breaks, as when a process restarts. */
  readonly forget?: boolean;
  /** Sends the plan of another generation. */
  readonly otherPlan?: boolean;
  /** Refuses the prediction with a problem of this code. */
  readonly refuse?: ErrorCode;
}

export interface SignedClock {
  readonly secret: string;
  /** Milliseconds by which its clock is fast. */
  aheadMs: number;
  /** The names that calls may be for; any by default. */
  readonly names?: ReadonlySet<string>;
}

export interface GpuDoubleOptions {
  readonly limits?: Partial<ServiceLimits>;
  /** Calls must be signed, and are checked by this clock, which may be wrong. */
  readonly signed?: SignedClock;
  /** Runs wait after their plan until `open()`. */
  readonly paused?: boolean;
}

interface Put {
  readonly id: string;
  readonly lastEventId: number | null;
  readonly requestId: string | null;
}

/** Limits that no test reaches. */
const LIMITS: ServiceLimits = {
  runningMax: 1_024,
  queuedMax: 1_024,
  readersMax: 4_096,
  retainedMax: 4_096,
  retainedBytes: 1_000_000_000,
  retainedMs: 3_600_000,
  drainMs: 1_000,
  cancelMs: 1_000,
};

const log = () => {};
const clock = {
  now: () => Date.now(),
  setTimer(delayMs: number, callback: () => void) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

export class GpuDouble {
  readonly #limits: ServiceLimits;
  readonly #verifier: CallVerifier | null;
  readonly #engine: ScriptedEngine;
  readonly #broken = new Set<string>();
  #current: Current;
  /** A fresh service for each forgotten run, which begins anew there. */
  readonly #anew = new Map<string, Current>();
  #server: Deno.HttpServer<Deno.NetAddr> | null = null;
  #kill = new AbortController();
  #asked = Promise.withResolvers<void>();
  /** Every `PUT`, in order. */
  readonly puts: Put[] = [];
  /** Readers that left before the end. */
  dropped = 0;

  constructor({ limits = {}, signed, paused = false }: GpuDoubleOptions = {}) {
    this.#limits = { ...LIMITS, ...limits };
    this.#verifier = signed
      ? new CallVerifier(
        { secrets: [signed.secret], audiences: signed.names ?? null },
        { now: () => Date.now() + signed.aheadMs },
      )
      : null;
    this.#engine = new ScriptedEngine(paused);
    this.#current = this.#begin();
  }

  #begin(): Current {
    const service = new GenerationService(this.#limits, { clock, log });
    service.start(this.#engine);
    const [metrics, verifier] = [createMetrics(service), this.#verifier];
    const drawId = () => crypto.randomUUID();
    return { service, app: createServer({ service, metrics, clock, log, drawId, verifier }) };
  }

  /** Settles after the next `PUT`. */
  async nextPut(): Promise<void> {
    await this.#asked.promise;
  }

  /** The number of generations begun, which a GPU would be paid for. */
  get started(): number {
    return this.#engine.runs.length;
  }

  /** How often a generation was begun. */
  startsOf(id: string): number {
    return this.#engine.runs.filter(({ plan }) => plan.id === id).length;
  }

  get tally(): ServiceTally {
    return this.#current.service.tally;
  }

  /** The number of present readers. */
  get reading(): number {
    const services = [this.#current, ...this.#anew.values()];
    return services.reduce((sum, { service }) => sum + service.tally.readers, 0);
  }

  get url(): string {
    if (!this.#server) throw new Error("The GPU double is not listening");
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  listen(port = 0): this {
    this.#kill = new AbortController();
    const { signal } = this.#kill;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port, onListen: () => {}, signal },
      (request) => this.#handle(request),
    );
    return this;
  }

  /** Breaks off its connections in the middle, like a killed process. */
  async crash(): Promise<void> {
    this.#restart();
    this.#kill.abort();
    await this.#server?.finished;
    this.#server = null;
  }

  /** Ends the server and its connections, and forgets its runs. */
  async close(): Promise<void> {
    this.open();
    for (const { service } of [this.#current, ...this.#anew.values()]) await service.drain();
    await this.#server?.shutdown();
    this.#server = null;
    this.#restart();
  }

  /** Starts like a new process on the same address, which knows no earlier runs. */
  #restart(): void {
    this.#current = this.#begin();
    this.#anew.clear();
  }

  /** @param of a seed, or a content key, which takes precedence */
  script(of: number | string, script: Script): void {
    this.#engine.scripts.set(of, script);
  }

  /** Lets a paused run go on to its end. */
  release(id: string): void {
    this.#engine.newest(id)?.permit(Infinity);
  }

  /** Lets all runs go on, later ones included. */
  open(): void {
    this.#engine.isPaused = false;
    for (const run of this.#engine.runs) run.permit(Infinity);
  }

  /** Forgets a run without notice, even to its readers. */
  forget(id: string): void {
    this.#anew.set(id, this.#begin());
  }

  async #handle(request: Request): Promise<Response> {
    const [, id = ""] = new URL(request.url).pathname.match(/^\/predictions\/([0-9a-f]{64})/) ?? [];
    const { app } = this.#anew.get(id) ?? this.#current;
    if (request.method !== "PUT") return await app.fetch(request);
    const lastEventId = parseEventId(request.headers.get("last-event-id"));
    this.puts.push({ id, lastEventId, requestId: request.headers.get("x-request-id") });
    request.signal.addEventListener("abort", () => this.dropped++);
    const response = await app.fetch(request);
    this.#asked.resolve();
    this.#asked = Promise.withResolvers();
    const run = this.#engine.newest(id);
    return run && response.body ? this.#disturb(response, response.body, run.plan) : response;
  }

  /** Does what the real server never does: it loses a connection, or sends another plan. */
  #disturb(response: Response, body: ReadableStream<Uint8Array>, plan: Plan): Response {
    const { breakAfter, forget, otherPlan } = this.#engine.scriptOf(plan);
    const breaks = breakAfter !== undefined && !this.#broken.has(plan.id);
    if (!breaks && !otherPlan) return response;
    const [reading, writing] = [new TextDecoder(), new TextEncoder()];
    // Each chunk is one frame, since the server writes them so.
    const disturbance = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        const frame = reading.decode(chunk);
        controller.enqueue(otherPlan ? writing.encode(withOtherPlan(frame, plan)) : chunk);
        if (!breaks || !frame.startsWith(`id: ${breakAfter}\n`)) return;
        this.#broken.add(plan.id);
        controller.terminate();
        if (forget) this.forget(plan.id);
      },
    });
    return new Response(body.pipeThrough(disturbance), response);
  }
}

interface Current {
  readonly service: GenerationService;
  readonly app: ReturnType<typeof createServer>;
}

function withOtherPlan(frame: string, { id }: Plan): string {
  return frame.includes('"generation.planned"') ? frame.replaceAll(id, "0".repeat(64)) : frame;
}

class ScriptedEngine extends PacedEngine {
  readonly scripts = new Map<number | string, Script>();
  isPaused: boolean;

  constructor(isPaused: boolean) {
    super();
    this.isPaused = isPaused;
  }

  scriptOf({ id, seed }: Plan): Script {
    return this.scripts.get(id) ?? this.scripts.get(seed) ?? {};
  }

  newest(id: string): Run | undefined {
    return this.runs.findLast(({ plan }) => plan.id === id);
  }

  override plan(request: OwnedRequest): Parsed<Plan> {
    const plan = super.plan(request);
    const code = plan.ok ? this.scriptOf(plan.value).refuse : undefined;
    return code ? refuse(createProblem(code, "It is refused as scripted")) : plan;
  }

  override generate(plan: Plan, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    const run = new Run(plan, signal, 0);
    this.runs.push(run);
    return this.#draw(run, this.scriptOf(plan));
  }

  async *#draw(run: Run, script: Script): AsyncGenerator<GenerationEvent> {
    const pauseAfter = script.pauseAfter ?? (this.isPaused ? 0 : Infinity);
    for (const [id, event] of drawEvents(run.plan, script).entries()) {
      // The service itself sends these two.
      if (event.type === "generation.queued" || event.type === "generation.planned") continue;
      if (id > pauseAfter && !await run.permitted()) return;
      yield event;
    }
  }
}
