/**
 * The service's API as the page uses it. Everything that arrives is checked against the contract.
 * Its files are imported one by one, since `mod.ts` would bring the tokenizer's library along.
 */
import {
  type GenerationEvent,
  isTerminal,
  parseGenerationEvent,
} from "../contract/events/generation_event.ts";
import { type ModelManifest, parseModelManifest } from "../contract/model_manifest.ts";
import { parsePlan, type Plan } from "../contract/plan/plan.ts";
import {
  createProblem,
  type Parsed,
  parseProblem,
  type Problem,
  ProblemError,
} from "../contract/problem.ts";
import { parseProgress, PROGRESS, type Progress } from "../contract/events/progress.ts";
import type { GenerationRequestInput } from "../contract/request/generation_request.ts";
import type { SweepAxis } from "../contract/sweep/sweep_axis.ts";
import { createServerSentDecoder, parseJson } from "../contract/events/server_sent_events.ts";
import {
  isSweepTerminal,
  parseSweepEvent,
  type SweepEvent,
} from "../contract/sweep/sweep_event.ts";
import { type Demo, parseDemos } from "./demo.ts";

/** A request in the service's field names. Its values are as typed; the service checks them. */
export type RequestBody = { readonly [Name in keyof GenerationRequestInput]?: unknown };

export interface SweepBody extends Readonly<Partial<Record<SweepAxis, readonly unknown[]>>> {
  readonly base: RequestBody;
}

/** An event of a generation, or what its run is doing between two of them. */
export type GenerationNews = GenerationEvent | Progress;

export interface ApiClient {
  /** All methods throw ProblemError, and DOMException "AbortError" when their signal fires. */
  models(): Promise<ModelManifest[]>;
  demos(): Promise<Demo[]>;
  plan(request: RequestBody, signal: AbortSignal): Promise<Plan>;
  /** News up to the terminal event, over as many connections as it takes (bounded). */
  generate(request: RequestBody): AsyncGenerator<GenerationNews>;
  /** A demo's stored run, with the pauses that it had. Ends early when the signal fires. */
  replay(demo: Demo, signal: AbortSignal): AsyncGenerator<GenerationNews>;
  cancel(id: string): Promise<void>;
  sweep(request: SweepBody): AsyncGenerator<SweepEvent>;
  cancelSweep(id: string): Promise<void>;
}

const RESUMES_MAX = 6;
const RESUME_PAUSE_MS = 300;

/**
 * @param base origin of the service, empty for the page's own
 * @param resumePauseMs doubled with each attempt to resume a stream
 */
export function createApiClient(base = "", resumePauseMs = RESUME_PAUSE_MS): ApiClient {
  const post = (path: string, request: object, init: RequestInit) =>
    send(base + path, {
      ...init,
      method: "POST",
      headers: { ...init.headers, "content-type": "application/json" },
      body: JSON.stringify(request),
    });
  const streamOf = (path: string, request: object): StreamSource => ({
    open: () => post(path, request, { headers: EVENT_STREAM }),
    async resume(id, { attempt, headers }) {
      // Only the first attempt is immediate, since a service that restarts needs a moment.
      await pause(attempt === 0 ? 0 : resumePauseMs * 2 ** attempt);
      return await send(`${base}${path}/${id}/events`, { headers });
    },
  });
  return {
    async models() {
      const { models } = await readJson(await send(`${base}/v1/models`, {}));
      if (!Array.isArray(models)) throw unexpected("GET /v1/models answered without models");
      return models.map((model) => orThrow(parseModelManifest(model)));
    },
    async demos() {
      return parseDemos(await readJson(await send(`${base}/v1/demos`, {})));
    },
    async plan(request, signal) {
      return orThrow(parsePlan(await readJson(await post("/v1/plans", request, { signal }))));
    },
    generate: (request) => follow(GENERATIONS, streamOf("/v1/generations", request)),
    async *replay({ links }, signal) {
      const open = (headers: Record<string, string>) =>
        send(`${base}${links.events}?pace=live`, { headers, signal });
      const source: StreamSource = {
        open: () => open(EVENT_STREAM),
        resume: (_, { headers }) => open(headers),
      };
      try {
        yield* follow(GENERATIONS, source);
      } catch (cause) {
        if (!signal.aborted) throw cause;
      }
    },
    sweep: (request) => follow(SWEEPS, streamOf("/v1/sweeps", request)),
    async cancel(id) {
      await send(`${base}/v1/generations/${id}`, { method: "DELETE" });
    },
    async cancelSweep(id) {
      await send(`${base}/v1/sweeps/${id}`, { method: "DELETE" });
    },
  };
}

const EVENT_STREAM = { accept: "text/event-stream" };

interface StreamSource {
  open(): Promise<Response>;
  resume(
    id: string,
    options: { readonly attempt: number; readonly headers: Record<string, string> },
  ): Promise<Response>;
}

/** What a client must know of events to follow them. */
interface EventKind<Event> {
  /** @param name of the message's event */
  parse(input: unknown, name: string): Parsed<Event>;
  /** The id of the generation or sweep, where the event names it. */
  idOf(event: Event): string | null;
  isEnd(event: Event): boolean;
}

const GENERATIONS: EventKind<GenerationNews> = {
  parse: (input, name) => name === PROGRESS ? parseProgress(input) : parseGenerationEvent(input),
  idOf(event) {
    if (event.type === "generation.queued") return event.id;
    return event.type === "generation.planned" ? event.plan.id : null;
  },
  isEnd: (news) => news.type !== PROGRESS && isTerminal(news),
};

const SWEEPS: EventKind<SweepEvent> = {
  parse: parseSweepEvent,
  idOf: (event) => event.type === "sweep.planned" ? event.id : null,
  isEnd: isSweepTerminal,
};

async function* follow<Event>(
  kind: EventKind<Event>,
  { open, resume }: StreamSource,
): AsyncGenerator<Event> {
  let response = await open();
  let id: string | null = null;
  let cursor = -1;
  for (let resumes = 0;; resumes++) {
    for await (const message of readMessages(response, kind)) {
      if (message.id !== null && message.id <= cursor) continue;
      cursor = message.id ?? cursor;
      id = kind.idOf(message.event) ?? id;
      yield message.event;
      if (kind.isEnd(message.event)) return;
    }
    if (id === null || resumes === RESUMES_MAX) throw unexpected("The connection was lost");
    const last = cursor < 0 ? {} : { "last-event-id": String(cursor) };
    response = await resume(id, { attempt: resumes, headers: { ...EVENT_STREAM, ...last } })
      .catch((cause) => isRetryable(cause) ? emptyStream() : Promise.reject(cause));
  }
}

/** A stream that ends at once, so that the next attempt follows. */
const emptyStream = () => new Response("");

function isRetryable(cause: unknown): boolean {
  return cause instanceof ProblemError && cause.problem.retryable;
}

/** Ends without an error where the connection breaks; the last event shows if it was too early. */
async function* readMessages<Event>(
  response: Response,
  { parse }: EventKind<Event>,
): AsyncGenerator<{ id: number | null; event: Event }> {
  const decoder = createServerSentDecoder();
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  while (reader) {
    const { value, done } = await reader.read().catch(() => ({ value: undefined, done: true }));
    if (done || value === undefined) return;
    for (const { id, event: name, data } of decoder.feed(value)) {
      yield { id, event: orThrow(parse(parseJson(data), name)) };
    }
  }
}

async function send(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init).catch((cause) => {
    if (init.signal?.aborted) throw cause;
    const problem = createProblem("gpu_unavailable", "The service does not answer");
    throw new ProblemError(problem, { cause });
  });
  if (!response.ok) throw new ProblemError(await readProblem(response));
  return response;
}

async function readProblem(response: Response): Promise<Problem> {
  const parsed = parseProblem(parseJson(await response.text()));
  const problem = parsed.ok
    ? parsed.value
    : createProblem("internal", `The service answered ${response.status}`);
  return { ...problem, retry_after: problem.retry_after ?? readRetryAfter(response.headers) };
}

/** Seconds. The header may also hold a date, but this service never sends one. */
function readRetryAfter(headers: Headers): number | undefined {
  const text = headers.get("retry-after") ?? "";
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

async function readJson(response: Response): Promise<Record<string, unknown>> {
  const value: unknown = parseJson(await response.text());
  if (typeof value !== "object" || value === null) throw unexpected("The answer is not JSON");
  return { ...value };
}

function orThrow<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new ProblemError(parsed.problem);
  return parsed.value;
}

function unexpected(detail: string): ProblemError {
  return new ProblemError(createProblem("upstream_failed", detail));
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
