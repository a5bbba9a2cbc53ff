/**
 * One GPU function over HTTP, in Cog's dialect (`contract/events/prediction.ts`), one call at a
 * time.
 */
import {
  accept,
  audienceOf,
  createProblem,
  ERROR_TABLE,
  type ErrorCode,
  isErrorCode,
  type Parsed,
  type PredictionInput,
  type Problem,
  refuse,
  SIGNATURE_HEADERS,
  signCall,
} from "../../contract/mod.ts";
import { TooLate, within } from "../clock.ts";
import type { GpuFunctionHealth, Submission } from "./gpu_backend.ts";
import { CircuitBreaker, type CircuitOptions } from "../circuit_breaker.ts";

export interface CallPorts {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Returns a new value each time. */
  readonly newId: () => string;
}

export interface GpuFunctionOptions {
  /** Signs each call; null where the GPU function asks for no signature. */
  readonly secret: string | null;
  readonly healthMs: number;
  /** How long a run's sign of life counts: its place is not away then, even where it is slow to answer. */
  readonly heardMs: number;
  readonly circuit: CircuitOptions;
}

export type Body = ReadableStream<Uint8Array>;

/**
 * The outcome of a submission. `refused`: the GPU function answered in the contract's words.
 * `away`: it gave no such answer.
 */
export type Connected =
  | { readonly met: "accepted"; readonly body: Body }
  | {
    readonly met: "refused" | "away";
    readonly problem: Problem;
    /** For the operator's log only, never for the client. */
    readonly reason?: string;
  };

export type Health = Omit<GpuFunctionHealth, "circuit">;

export class GpuFunction {
  /** Base URL, without a trailing slash. */
  readonly url: string;
  readonly breaker: CircuitBreaker;
  readonly #options: GpuFunctionOptions;
  readonly #ports: CallPorts;
  /** When a run there last gave a sign of life, in epoch milliseconds. */
  #heardAt = -Infinity;

  constructor(url: string, options: GpuFunctionOptions, ports: CallPorts) {
    this.url = url.replace(/\/+$/, "");
    this.breaker = new CircuitBreaker(options.circuit, ports.now);
    this.#options = options;
    this.#ports = ports;
  }

  /** Called with each sign of life of a run there. */
  heard(): void {
    this.#heardAt = this.#ports.now();
  }

  /** Returns whether it gave no answer in time, while its runs give signs of life. */
  #isMerelySlow(cause: unknown): boolean {
    return cause instanceof TooLate &&
      this.#ports.now() - this.#heardAt < this.#options.heardMs;
  }

  /**
   * Sends one `PUT` and awaits its headers.
   * @param after the cursor of the last event that the caller has; -1 for none
   */
  async submit(
    { id, request, request_id }: Submission,
    after: number,
    acceptMs: number,
  ): Promise<Connected> {
    const input: PredictionInput = { input: request };
    const headers: Record<string, string> = {
      "content-type": "application/json",
      accept: "text/event-stream",
    };
    if (after >= 0) headers["last-event-id"] = String(after);
    if (request_id !== undefined) headers["x-request-id"] = request_id;
    const attempt = new AbortController();
    const { signal } = attempt;
    try {
      const body = JSON.stringify(input);
      const answer = this.#call(`/predictions/${id}`, { method: "PUT", headers, body, signal });
      const response = await within(answer, acceptMs, "Accepting the prediction");
      if (response.ok && response.body) {
        this.breaker.succeeded();
        return { met: "accepted", body: response.body };
      }
      const connected = await readRefusal(response);
      if (connected.met === "away") this.breaker.failed();
      else this.breaker.succeeded();
      return connected;
    } catch (cause) {
      attempt.abort();
      if (!this.#isMerelySlow(cause)) this.breaker.failed();
      return { met: "away", problem: UNREACHABLE };
    }
  }

  async cancel(id: string, acceptMs: number): Promise<Parsed<null>> {
    try {
      const answer = this.#call(`/predictions/${id}/cancel`, { method: "POST" });
      const response = await within(answer, acceptMs, "Canceling");
      // After a 404 the GPU function does not know the prediction, so nothing runs there.
      if (response.ok || response.status === 404) {
        await response.body?.cancel();
        return accept(null);
      }
      const connected = await readRefusal(response);
      return connected.met === "accepted" ? accept(null) : refuse(connected.problem);
    } catch {
      return refuse(UNREACHABLE);
    }
  }

  /** What it says of itself, for people who watch: whoever looks changes nothing. */
  async look(): Promise<Health> {
    try {
      return await readHealth(`${this.url}/health-check`, this.#options.healthMs);
    } catch (cause) {
      return { status: this.#isMerelySlow(cause) ? "BUSY" : UNREACHABLE_STATUS };
    }
  }

  /**
   * The same before a run is placed: silence counts as a failure, and an answer closes an open circuit
   * without making up for failed runs.
   */
  async probe(): Promise<Health> {
    const health = await this.look();
    if (health.status === UNREACHABLE_STATUS) this.breaker.failed();
    else if (this.breaker.state !== "closed") this.breaker.succeeded();
    return health;
  }

  /** Signs each call anew, so that a retry is not taken for a replay. */
  #call(path: string, init: RequestInit & { method: string; body?: string }): Promise<Response> {
    const url = this.url + path;
    const { secret } = this.#options;
    if (secret === null) return fetch(url, init);
    const called = new URL(url);
    const { pathname, search } = called;
    const timestamp = this.#ports.now();
    const nonce = this.#ports.newId();
    const audience = audienceOf(called);
    const signature = signCall(secret, {
      method: init.method,
      path: pathname + search,
      body: new TextEncoder().encode(init.body ?? ""),
      timestamp,
      nonce,
      audience,
    });
    const headers = new Headers(init.headers);
    headers.set(SIGNATURE_HEADERS.timestamp, String(timestamp));
    headers.set(SIGNATURE_HEADERS.nonce, nonce);
    headers.set(SIGNATURE_HEADERS.audience, audience);
    headers.set(SIGNATURE_HEADERS.signature, signature);
    return fetch(url, { ...init, headers });
  }
}

const UNREACHABLE_STATUS = "UNREACHABLE";
const UNREACHABLE = createProblem(
  "gpu_unavailable",
  "The GPU function cannot be reached; try again shortly",
);

const NOT_ACCEPTED = "The GPU function does not accept the calls of this edge";

/**
 * Passes on a problem that a client can act on; any other means that the two programs do not fit
 * together.
 */
async function readRefusal(response: Response): Promise<Connected> {
  const { status } = response;
  const body: unknown = await response.json().catch(() => null);
  const code = readCode(body);
  if (code === "unauthorized") {
    const problem = createProblem("gpu_unavailable", NOT_ACCEPTED);
    return { met: "refused", problem, reason: readDetail(body) };
  }
  if (code === "model_unavailable") {
    return { met: "refused", problem: createProblem(code, readDetail(body)) };
  }
  if (code === "unknown_model") {
    const detail = "The GPU function does not have this model";
    return { met: "refused", problem: createProblem("model_mismatch", detail) };
  }
  if (code !== null && ERROR_TABLE[code].retryable) {
    const detail = `The GPU function refused: ${ERROR_TABLE[code].title}`;
    return { met: "refused", problem: createProblem(code, detail) };
  }
  if (status >= 500) {
    const detail = `The GPU function answered ${status}`;
    return { met: "away", problem: createProblem("gpu_unavailable", detail) };
  }
  const detail =
    `The GPU function refused (${status}) what the edge had planned: their models differ`;
  return { met: "refused", problem: createProblem("model_mismatch", detail) };
}

function readCode(body: unknown): ErrorCode | null {
  if (typeof body !== "object" || body === null || !("code" in body)) return null;
  const { code } = body;
  return isErrorCode(code) ? code : null;
}

function readDetail(body: unknown): string {
  const isTold = typeof body === "object" && body !== null && "detail" in body;
  return isTold ? String(body.detail).slice(0, 300) : "";
}

/** @throws TooLate without an answer in time, Error without such an answer */
async function readHealth(url: string, healthMs: number): Promise<Health> {
  const asking = new AbortController();
  const answer = fetch(url, asking).then((response) => response.json());
  try {
    const body: Readonly<Record<string, unknown>> = await within(answer, healthMs, "Its health");
    const { status, running, queued, determinism_class } = body;
    if (typeof status !== "string") throw new RangeError("The answer is no health");
    return {
      status,
      ...countOf("running", running),
      ...countOf("queued", queued),
      ...(typeof determinism_class === "string" ? { determinism_class } : {}),
    };
  } finally {
    asking.abort();
  }
}

function countOf(name: "running" | "queued", value: unknown): Partial<Health> {
  return Number.isSafeInteger(value) && Number(value) >= 0 ? { [name]: value } : {};
}
