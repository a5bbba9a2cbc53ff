/** The GPU function over HTTP, in Cog's dialect (`contract/prediction.ts`). */
import {
  accept,
  createProblem,
  ERROR_TABLE,
  type ErrorCode,
  isTerminal,
  type Parsed,
  type PredictionInput,
  type Problem,
  ProblemError,
  refuse,
} from "../../contract/mod.ts";
import type { NumberedEvent } from "../../db/queries.ts";
import { pause, within } from "../jobs/patience.ts";
import type { GpuBackend, GpuHealth, Submission } from "../ports.ts";
import { readPrediction } from "./prediction_stream.ts";

export interface HttpBackendOptions {
  /** Until the GPU function accepts a prediction. */
  readonly acceptMs: number;
  /** Without a byte from it: three of its heartbeats missed. */
  readonly silenceMs: number;
  readonly healthMs: number;
  /** Pauses before each new connection, after a stream broke. Progress starts them over. */
  readonly retryPausesMs: readonly number[];
  /** New connections in one run, progress or not. */
  readonly reconnectsMax: number;
}

export const HTTP_BACKEND_DEFAULTS: HttpBackendOptions = {
  acceptMs: 15_000,
  silenceMs: 30_000,
  healthMs: 2_000,
  retryPausesMs: [100, 400, 1_600, 5_000],
  reconnectsMax: 20,
};

/** @param url base URL of the GPU function */
export function createHttpBackend(
  url: string,
  options: HttpBackendOptions = HTTP_BACKEND_DEFAULTS,
): GpuBackend {
  const connection = { url: url.replace(/\/+$/, ""), options };
  return {
    async submit(submission, after) {
      const first = await connect(connection, submission, after);
      if (!first.ok) return first;
      return accept(follow(connection, { submission, after }, first.value));
    },
    cancel: (id) => cancel(connection, id),
    health: () => readHealth(connection),
  };
}

interface Connection {
  readonly url: string;
  readonly options: HttpBackendOptions;
}

type Body = ReadableStream<Uint8Array>;

/** One `PUT`, as far as its headers. */
async function connect(
  { url, options }: Connection,
  { id, request }: Submission,
  after: number,
): Promise<Parsed<Body>> {
  const body: PredictionInput = { input: request };
  const headers: Record<string, string> = {
    "content-type": "application/json",
    accept: "text/event-stream",
  };
  if (after >= 0) headers["last-event-id"] = String(after);
  const attempt = new AbortController();
  const { signal } = attempt;
  const init = { method: "PUT", headers, body: JSON.stringify(body), signal };
  try {
    const answer = fetch(`${url}/predictions/${id}`, init);
    const response = await within(answer, options.acceptMs, "Accepting the prediction");
    if (response.ok && response.body) return accept(response.body);
    return refuse(await readRefusal(response));
  } catch {
    attempt.abort();
    return refuse(UNREACHABLE);
  }
}

const UNREACHABLE = createProblem(
  "gpu_unavailable",
  "The GPU function cannot be reached; try again shortly",
);

/** Its own problem where a client can act on it; else the two programs do not fit together. */
async function readRefusal(response: Response): Promise<Problem> {
  const { status } = response;
  const code = readCode(await response.json().catch(() => null));
  if (code !== null && ERROR_TABLE[code].retryable) {
    return createProblem(code, `The GPU function refused: ${ERROR_TABLE[code].title}`);
  }
  if (status >= 500) return createProblem("gpu_unavailable", `The GPU function answered ${status}`);
  return createProblem(
    "model_mismatch",
    `The GPU function refused (${status}) what the edge had planned: their models differ`,
  );
}

function readCode(body: unknown): ErrorCode | null {
  if (typeof body !== "object" || body === null || !("code" in body)) return null;
  const { code } = body;
  return typeof code === "string" && Object.hasOwn(ERROR_TABLE, code) ? code as ErrorCode : null;
}

interface Run {
  readonly submission: Submission;
  after: number;
}

/** The events of a run over as many connections as it takes, each event once. */
async function* follow(
  connection: Connection,
  run: Run,
  first: Body,
): AsyncGenerator<NumberedEvent> {
  const { silenceMs, retryPausesMs, reconnectsMax } = connection.options;
  let body: Body | null = first;
  let failures = 0;
  for (let reconnects = 0; reconnects <= reconnectsMax; reconnects++) {
    try {
      for await (const numbered of body ? readPrediction(body, silenceMs) : []) {
        if (numbered.id <= run.after) continue;
        run.after = numbered.id;
        failures = 0;
        yield numbered;
        if (isTerminal(numbered.event)) return;
      }
    } catch (cause) {
      if (cause instanceof ProblemError) throw cause;
    }
    const ms = retryPausesMs[failures++];
    if (ms === undefined) break;
    await pause(ms);
    const next = await connect(connection, run.submission, run.after);
    if (!next.ok && !next.problem.retryable) throw new ProblemError(next.problem);
    body = next.ok ? next.value : null;
  }
  throw new ProblemError(
    createProblem("upstream_failed", `The GPU function broke off after event ${run.after}`),
  );
}

async function cancel({ url, options }: Connection, id: string): Promise<Parsed<null>> {
  try {
    const answer = fetch(`${url}/predictions/${id}/cancel`, { method: "POST" });
    const response = await within(answer, options.acceptMs, "Canceling");
    await response.body?.cancel();
    // 404: it knows nothing of the prediction, so nothing runs there.
    if (response.ok || response.status === 404) return accept(null);
    return refuse(createProblem("gpu_unavailable", `The GPU function answered ${response.status}`));
  } catch {
    return refuse(UNREACHABLE);
  }
}

async function readHealth({ url, options }: Connection): Promise<GpuHealth> {
  try {
    const signal = AbortSignal.timeout(options.healthMs);
    const response = await fetch(`${url}/health-check`, { signal });
    const body: unknown = await response.json();
    const status = typeof body === "object" && body !== null && "status" in body
      ? body.status
      : null;
    return { status: typeof status === "string" ? status : "UNREACHABLE" };
  } catch {
    return { status: "UNREACHABLE" };
  }
}
