/**
 * Replicate as a back end. The model there yields our GPU function's outputs as text; they come
 * over the prediction's stream, or, where that is lost, from the prediction itself. Replicate gives
 * each run a name. The room keeps it as the run's place, so that each run is paid for once.
 */
import {
  accept,
  createProblem,
  createRawServerSentDecoder,
  decodeHostedOutput,
  type GenerationEvent,
  type NumberedEvent,
  type Parsed,
  ProblemError,
  refuse,
} from "../../../contract/mod.ts";
import { NoProgress, readDecoded } from "../../rooms/message_stream.ts";
import { pause, within } from "../../clock.ts";
import type { GpuBackend, GpuHealth, Submission } from "../gpu_backend.ts";
import { CircuitBreaker, type CircuitOptions } from "../../circuit_breaker.ts";
import type { ReplicateClient, ReplicatePrediction } from "./replicate_client.ts";
import { RunCourse } from "../run_course.ts";

export interface ReplicateOptions {
  /** How long the stream may take to open. */
  readonly openMs: number;
  /** How long the stream may bring no byte; then the prediction itself is looked at. */
  readonly silenceMs: number;
  /** How long a cold model may take to start. */
  readonly startMs: number;
  /** How long no event may come, once it has started. */
  readonly progressMs: number;
  /** The pause between two looks at a prediction. */
  readonly pollMs: number;
  /** How many looks in a row may fail. */
  readonly looksMax: number;
  /** How long the answer to a health check holds: each costs a request there. */
  readonly healthMs: number;
  readonly circuit: CircuitOptions;
}

export const REPLICATE_DEFAULTS: ReplicateOptions = {
  openMs: 15_000,
  silenceMs: 30_000,
  startMs: 600_000,
  progressMs: 900_000,
  pollMs: 1_000,
  looksMax: 30,
  healthMs: 10_000,
  circuit: { failuresMax: 5, openMs: 5_000 },
};

interface Run {
  readonly submission: Submission;
  readonly course: RunCourse;
  prediction: ReplicatePrediction;
  /** Epoch milliseconds of the last event, or of the beginning. */
  movedAt: number;
  /** The count that the last step reported. */
  evaluations: number;
  /** The stream's own cursor. */
  lastEventId: string | undefined;
}

export class ReplicateBackend implements GpuBackend {
  readonly #client: ReplicateClient;
  readonly #options: ReplicateOptions;
  readonly #now: () => number;
  readonly #breaker: CircuitBreaker;
  readonly #runs = new Map<string, string>();
  #health: { readonly status: string; readonly at: number } | null = null;

  /** @param now epoch milliseconds */
  constructor(client: ReplicateClient, options: ReplicateOptions, now: () => number) {
    this.#client = client;
    this.#options = options;
    this.#now = now;
    this.#breaker = new CircuitBreaker(options.circuit, now);
  }

  async submit(
    submission: Submission,
    after: number,
  ): Promise<Parsed<AsyncGenerator<NumberedEvent>>> {
    const prediction = await this.#take(submission);
    if (!prediction.ok) return prediction;
    const run: Run = {
      submission,
      course: new RunCourse(after),
      prediction: prediction.value,
      movedAt: this.#now(),
      evaluations: 0,
      lastEventId: undefined,
    };
    return accept(this.#follow(run));
  }

  async cancel(id: string): Promise<Parsed<null>> {
    const place = this.#runs.get(id);
    if (place === undefined) return accept(null);
    const canceled = await this.#client.cancel(place);
    return canceled.ok || canceled.problem.code === "not_found" ? accept(null) : canceled;
  }

  async health(): Promise<GpuHealth> {
    const now = this.#now();
    if (!this.#health || now - this.#health.at >= this.#options.healthMs) {
      const status = await this.#client.answers() ? "READY" : "UNREACHABLE";
      this.#health = { status, at: now };
    }
    const { status } = this.#health;
    return { status, functions: [{ status, circuit: this.#breaker.state }] };
  }

  /** Finds the prediction that an earlier process began, or creates one. */
  async #take(submission: Submission): Promise<Parsed<ReplicatePrediction>> {
    const { place, request, onPlace } = submission;
    if (place !== undefined) {
      const found = await this.#client.get(place);
      if (found.ok && !found.value.data_removed) return found;
      if (!found.ok && found.problem.code !== "not_found") return found;
    }
    if (this.#breaker.state !== "closed" && !this.#breaker.mayProbe()) return refuse(LEFT_ALONE);
    const created = await this.#client.create(request);
    if (created.ok) await onPlace?.(created.value.id);
    if (!created.ok && created.problem.code === "gpu_unavailable") this.#breaker.failed();
    else this.#breaker.succeeded();
    return created;
  }

  async *#follow(run: Run): AsyncGenerator<NumberedEvent> {
    const { submission: { id }, course } = run;
    this.#runs.set(id, run.prediction.id);
    try {
      // Every run's first event is known, so readers need not wait for a cold model to send it.
      const queued: NumberedEvent = { id: 0, event: { type: "generation.queued", id } };
      if (course.after < 0 && course.take(queued)) yield queued;
      while (true) {
        for (const numbered of this.#outputs(run)) yield numbered;
        const end = this.#endOf(run);
        if (end) yield end;
        if (course.ended) return;
        this.#checkPatience(run);
        const before = course.after;
        yield* this.#stream(run);
        if (course.ended) return;
        await this.#look(run, course.after > before);
      }
    } finally {
      if (this.#runs.get(id) === run.prediction.id) this.#runs.delete(id);
      const { id: place, status } = run.prediction;
      // The reader has left, for whatever reason, so the run should not be paid for.
      const runs = status === "starting" || status === "processing";
      if (!course.ended && runs) await this.#client.cancel(place);
    }
  }

  /** Yields the new outputs that the prediction holds, up to the first gap. */
  *#outputs(run: Run): Generator<NumberedEvent> {
    try {
      for (const output of run.prediction.output ?? []) {
        if (run.course.ended) return;
        const text = typeof output === "string" ? output : JSON.stringify(output);
        const numbered = this.#note(run, text);
        if (numbered) yield numbered;
      }
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
    }
  }

  /**
   * Returns the event in an output, if it is new. @throws RangeError at a gap; else ProblemError
   */
  #note(run: Run, text: string): NumberedEvent | null {
    const decoded = decodeHostedOutput(text);
    if (!decoded.ok) throw new ProblemError(decoded.problem);
    if (!run.course.take(decoded.value)) return null;
    run.movedAt = this.#now();
    const { event } = decoded.value;
    if (event.type === "generation.step") run.evaluations = event.evaluations;
    return decoded.value;
  }

  /** Returns the end of a prediction that stopped without one; null while it goes on. */
  #endOf({ prediction: { status, error }, course, evaluations }: Run): NumberedEvent | null {
    if (course.ended || status === "starting" || status === "processing") return null;
    if (status === "canceled") {
      const event: GenerationEvent = { type: "generation.canceled", evaluations };
      const canceled = { id: course.after + 1, event };
      course.take(canceled);
      return canceled;
    }
    // The text could repeat the prompt; its code cannot.
    const [code = "no code"] = String(error ?? "").match(/\bE\d{4}\b/) ?? [];
    const detail = status === "succeeded"
      ? `The prediction on Replicate ended after event ${course.after}, without an end of its events`
      : `The prediction on Replicate ended as ${status} (${code})`;
    throw new ProblemError(createProblem("upstream_failed", detail));
  }

  #checkPatience({ prediction: { status }, movedAt }: Run): void {
    const { startMs, progressMs } = this.#options;
    const boundMs = status === "starting" ? startMs : progressMs;
    if (this.#now() - movedAt < boundMs) return;
    const what = status === "starting" ? "did not start" : "sent no event";
    const detail = `The prediction on Replicate ${what} within ${boundMs / 1_000} seconds`;
    throw new ProblemError(createProblem("upstream_failed", detail));
  }

  /** Yields the events of one connection and ends with it, for whatever reason. */
  async *#stream(run: Run): AsyncGenerator<NumberedEvent> {
    const { prediction: { urls: { stream } }, course } = run;
    if (stream === undefined) return;
    try {
      for await (const { id, event, data } of this.#messages(stream, run.lastEventId)) {
        run.lastEventId = id ?? run.lastEventId;
        const numbered = event === "output" ? this.#note(run, data) : null;
        if (numbered) yield numbered;
        // The prediction says whether it failed, and why.
        if (course.ended || event === "done" || event === "error") return;
      }
    } catch (cause) {
      if (cause instanceof ProblemError) throw cause;
    }
  }

  async *#messages(url: string, lastEventId: string | undefined) {
    const { openMs, silenceMs, startMs, progressMs } = this.#options;
    const attempt = new AbortController();
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (lastEventId !== undefined) headers["last-event-id"] = lastEventId;
    try {
      const answer = fetch(url, { headers, signal: attempt.signal });
      const response = await within(answer, openMs, "Opening the stream");
      if (!response.ok || !response.body) return;
      const patience = { silenceMs, progressMs: Math.min(startMs, progressMs) };
      yield* readDecoded(response.body, createRawServerSentDecoder(), patience);
    } catch (cause) {
      if (!(cause instanceof NoProgress)) throw cause;
    } finally {
      attempt.abort();
    }
  }

  /** Reads the prediction as it is now. A stream that brought nothing is reopened after a pause. */
  async #look(run: Run, moved: boolean): Promise<void> {
    const { pollMs, looksMax } = this.#options;
    for (let looks = 1;; looks++) {
      if (!moved || looks > 1) await pause(pollMs);
      const looked = await this.#client.get(run.prediction.id);
      if (looked.ok) {
        run.prediction = looked.value;
        return;
      }
      if (!looked.problem.retryable || looks === looksMax) throw new ProblemError(looked.problem);
    }
  }
}

const LEFT_ALONE = createProblem(
  "gpu_unavailable",
  "Replicate failed several times in a row and is left alone for some seconds; try again shortly",
);
