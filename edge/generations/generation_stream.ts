/** Submits a generation and follows it to its end, over connections that break. */
import {
  createProblem,
  isTerminal,
  type NumberedEvent,
  type Parsed,
  parseGenerationEvent,
  parseProblem,
  type Problem,
  ProblemError,
  PROGRESS,
} from "../../contract/mod.ts";
import { answerGeneration, type AnswerOptions, type AnswerPorts } from "./generation_answer.ts";
import type { CacheOutcome } from "../observability/request_record.ts";
import type { GenerationSubmission } from "./run.ts";
import { readMessages } from "../rooms/message_stream.ts";
import { pause } from "../clock.ts";
import { cacheOutcome } from "./generation_room_routes.ts";

export interface GenerationStream {
  /** `miss`: this submission began the run; `join`: another one had begun it. */
  readonly cache: CacheOutcome;
  /** The events up to the terminal one; fewer when the signal aborts. */
  readonly events: AsyncGenerator<NumberedEvent>;
}

/** Three missed heartbeats of a room. */
const SILENCE_MS = 30_000;
/** Pauses before each new connection, after a stream broke. */
const RETRY_PAUSES_MS = [100, 400, 1_600, 5_000];

export interface FollowOptions extends Pick<AnswerOptions, "onAnswer" | "time"> {
  /** Ends the following; the generation goes on. */
  readonly signal: AbortSignal;
}

/** Refuses before the first event; later, iterating throws ProblemError. */
export async function openGeneration(
  ports: AnswerPorts,
  submission: GenerationSubmission,
  { signal, ...first }: FollowOptions,
): Promise<Parsed<GenerationStream>> {
  const connection = await connect(ports, submission, { after: -1, ...first });
  if (!connection.ok) return connection;
  const { cache, body } = connection.value;
  const events = follow(ports, submission, { body, signal });
  return { ok: true, value: { cache, events } };
}

interface Connection {
  readonly cache: CacheOutcome;
  readonly body: ReadableStream<Uint8Array>;
}

async function connect(
  ports: AnswerPorts,
  submission: GenerationSubmission,
  options: Pick<AnswerOptions, "after" | "onAnswer" | "time">,
): Promise<Parsed<Connection>> {
  const { origin } = submission;
  const response = await answerGeneration(ports, submission, {
    streamed: true,
    origin,
    ...options,
  });
  if (!response.ok) return { ok: false, problem: await readProblem(response) };
  const cache = cacheOutcome(response);
  return { ok: true, value: { cache, body: response.body ?? new Blob().stream() } };
}

async function readProblem(response: Response): Promise<Problem> {
  const problem = parseProblem(await response.json().catch(() => null));
  if (problem.ok) return problem.value;
  return createProblem("upstream_failed", `The generation's room answered ${response.status}`);
}

async function* follow(
  ports: AnswerPorts,
  submission: GenerationSubmission,
  { body: first, signal }: { readonly body: Connection["body"]; readonly signal: AbortSignal },
): AsyncGenerator<NumberedEvent> {
  let body: Connection["body"] | null = first;
  let after = -1;
  let failures = 0;
  while (!signal.aborted) {
    for await (const numbered of body ? readEvents(body, signal) : []) {
      if (numbered.id <= after) continue;
      after = numbered.id;
      failures = 0;
      yield numbered;
      if (isTerminal(numbered.event)) return;
    }
    if (signal.aborted) return;
    const ms = RETRY_PAUSES_MS[failures++];
    if (ms === undefined) {
      const detail = `The generation's events broke off after ${after}`;
      throw new ProblemError(createProblem("upstream_failed", detail));
    }
    await pause(ms);
    const next: Parsed<Connection> = await connect(ports, submission, { after });
    if (!next.ok && !next.problem.retryable) throw new ProblemError(next.problem);
    body = next.ok ? next.value.body : null;
  }
}

/** Ends early where the connection breaks, and at once when the signal aborts. */
async function* readEvents(body: Connection["body"], signal: AbortSignal) {
  const messages = readMessages(body, SILENCE_MS);
  const aborted = new Promise<null>((resolve) =>
    signal.addEventListener("abort", () => resolve(null), { once: true })
  );
  try {
    while (true) {
      const next = await Promise.race([aborted, messages.next().catch(() => null)]);
      if (next === null || next.done) return;
      const { id, event: name, data } = next.value;
      // Whoever follows a run in the edge itself waits for its events alone.
      if (name === PROGRESS) continue;
      const event = parseGenerationEvent(JSON.parse(data));
      if (!event.ok) throw new ProblemError(event.problem);
      if (id !== null) yield { id, event: event.value };
    }
  } finally {
    // A read that is under way ends with its connection, so this is not awaited.
    void messages.return(undefined).catch(() => {});
  }
}
