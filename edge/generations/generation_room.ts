/**
 * The room of one content key: it alone holds the stream from the GPU function, so readers come and go
 * without touching the run, and equal submissions share it.
 */
import {
  accept,
  createProblem,
  type GenerationEvent,
  isTerminal,
  joinInsights,
  lacksInsights,
  type NumberedEvent,
  type Parsed,
  type Plan,
  type Problem,
  ProblemError,
  refuse,
} from "../../contract/mod.ts";
import type { Results } from "../../db/result_queries.ts";
import { spentSoFar } from "./generation_resource.ts";
import type { GenerationSubmission, RunEnd } from "./run.ts";
import { beginRun, endRun } from "../limits/admission.ts";
import type { Limiters } from "../limits/limiter_call.ts";
import type { GpuBackend } from "../backends/gpu_backend.ts";
import type { Log } from "../observability/log.ts";
import { EventLog } from "../rooms/event_log.ts";
import { settlesWithin } from "../clock.ts";
import { MEMORY_AWAY, Room, type RoomJob } from "../rooms/room.ts";
import { remember, type RoomStore } from "../rooms/room_store.ts";
import { recallEnd, recallSubmission, saveEnd, saveSubmission } from "./generation_memory.ts";

export interface RoomPorts {
  readonly gpu: GpuBackend;
  readonly results: Pick<Results, "write">;
  readonly store: RoomStore;
  readonly limiters: Limiters;
  readonly now: () => number;
  readonly log: Log;
  readonly keepAlive: (work: Promise<unknown>) => void;
  /** After the terminal event has reached the readers. Its failure is logged. */
  readonly afterEnd: (end: RunEnd) => Promise<void>;
}

export interface Job extends RoomJob {
  readonly submission: GenerationSubmission;
  readonly log: EventLog;
}

/** A reader does not wait long for a second attempt. */
const REVISIT_MS = 1_000;

export class JobRoom extends Room<GenerationSubmission, Job> {
  readonly #ports: RoomPorts;

  constructor(ports: RoomPorts) {
    super(ports.now);
    this.#ports = ports;
  }

  protected override async recall(): Promise<Parsed<GenerationSubmission | null>> {
    try {
      const submission = await recallSubmission(this.#ports.store);
      return accept(submission && { ...submission, recalled: true });
    } catch (cause) {
      this.#ports.log({ level: "error", message: "Room memory failed", cause });
      return refuse(MEMORY_AWAY);
    }
  }

  protected override hasFailed(job: Job): boolean {
    return hasFailed(job);
  }

  protected override lacks(job: Job, { plan }: GenerationSubmission): boolean {
    return lacksInsights(job.submission.plan, plan);
  }

  protected override withAll(submission: GenerationSubmission, job: Job): GenerationSubmission {
    return { ...submission, ...joinInsights(submission, job.submission.plan) };
  }

  cancel(job: Job): Promise<Parsed<null>> {
    return this.#ports.gpu.cancel(job.submission.plan.id);
  }

  protected override async start(submission: GenerationSubmission): Promise<Parsed<Job>> {
    const { limiters } = this.#ports;
    const { origin, plan: { id: run, evaluations }, recalled = false } = submission;
    const admitted = await beginRun(limiters, origin, { run, evaluations: evaluations.planned });
    if (!admitted.ok && !recalled) return admitted;
    const begun = await this.#begin(submission);
    if (!begun.ok) await endRun(limiters, origin, { run, spent: 0 });
    return begun;
  }

  async #begin(submission: GenerationSubmission): Promise<Parsed<Job>> {
    const { gpu, store, keepAlive } = this.#ports;
    const { id } = submission.plan;
    const { request, place, origin: { request_id } } = submission;
    let placed = false;
    const onPlace = async (place: string) => {
      placed = true;
      await this.#remember(() => saveSubmission(store, { ...submission, place }), id);
    };
    const events = await gpu.submit({ id, request, request_id, place, onPlace }, -1);
    if (!events.ok) {
      // A run that was cut off stays remembered until the GPU function is back.
      if (!events.problem.retryable) await this.#remember(() => store.clear(), id);
      return refuse(events.problem);
    }
    if (!placed) await this.#remember(() => saveSubmission(store, submission), id);
    const log = new EventLog();
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const job: Job = { submission, log, done, finishedAt: null };
    this.hold(job);
    keepAlive(this.#run(job, events.value).finally(resolve));
    return { ok: true, value: job };
  }

  /** Ends with exactly one terminal event in the log, whatever happens. */
  async #run(job: Job, events: AsyncIterable<NumberedEvent>) {
    const { log, submission: { plan } } = job;
    const { now } = this.#ports;
    const began = now();
    try {
      for await (const { id, event } of events) {
        await checkEvent(event, plan);
        const noted = { id, event, at_ms: now() - began };
        if (event.type === "generation.completed") {
          await this.#persist(job.submission, [...log.events, noted]);
        }
        if (isTerminal(event)) await this.#settle(job, event);
        log.append(noted);
        if (isTerminal(event)) break;
      }
      if (!log.ended) throw new ProblemError(createProblem("upstream_failed", "No end was sent"));
    } catch (cause) {
      const problem = toProblem(cause);
      this.#ports.log({ level: "error", message: problem.detail, generation: plan.id, cause });
      const event: GenerationEvent = { type: "generation.failed", error: problem };
      await this.#settle(job, event);
      log.append({ id: log.lastId + 1, event, at_ms: now() - began });
    }
    job.finishedAt = this.#ports.now();
    await this.#tellEnd(job);
    // Whoever asked again meanwhile has begun a run of their own, which is remembered now.
    if (this.busy) return;
    await this.#remember(() => this.#ports.store.clear(), plan.id);
    if (hasFailed(job)) await this.#remember(() => this.#retain(job), plan.id);
  }

  /** For readers who come when this process is gone. */
  async #retain({ submission, log, finishedAt }: Job): Promise<void> {
    const events = log.events.filter(({ event }) => !("data" in event))
      .map(({ id, event }) => ({ id, event }));
    await saveEnd(this.#ports.store, { submission, events, finishedAt: finishedAt ?? 0 });
  }

  protected override async recallEnded(): Promise<Job | null> {
    const ended = await recallEnd(this.#ports.store);
    if (!ended) return null;
    const { submission, events, finishedAt } = ended;
    const log = new EventLog();
    for (const numbered of events) log.append(numbered);
    return { submission, log, done: Promise.resolve(), finishedAt };
  }

  /** Before the end reaches a reader, who may begin the next run at once. */
  async #settle({ log, submission }: Job, end: GenerationEvent): Promise<void> {
    const run = submission.plan.id;
    const spent = spentBy(log, end);
    try {
      await endRun(this.#ports.limiters, submission.origin, { run, spent });
    } catch (cause) {
      this.#ports.log({ level: "error", message: "Settling failed", generation: run, cause });
    }
  }

  async #tellEnd({ log, submission }: Job): Promise<void> {
    const event = log.events.at(-1)?.event;
    if (!event) return;
    try {
      const spent = spentBy(log, event);
      await this.#ports.afterEnd({ submission, event, spent, events: log.events });
    } catch (cause) {
      const generation = submission.plan.id;
      this.#ports.log({ level: "error", message: "After the end", generation, cause });
    }
  }

  /** Stored again where the database has lost it, or could not take it. */
  protected override async revisit({ submission, log }: Job): Promise<void> {
    const stored = this.#persist(submission, log.events);
    this.#ports.keepAlive(stored);
    await settlesWithin(stored, REVISIT_MS);
  }

  /** Before the end reaches a reader, so that the image's URL works by then. */
  async #persist(
    submission: GenerationSubmission,
    events: readonly NumberedEvent[],
  ): Promise<void> {
    const generation = submission.plan.id;
    const result = {
      ...submission,
      events: events.map(({ id, event, at_ms }) => ({ id, event, at_ms })),
      finished_at: this.#ports.now(),
    };
    try {
      await this.#ports.results.write(result);
    } catch (cause) {
      this.#ports.log({ level: "error", message: "Storing failed", generation, cause });
    }
  }

  #remember(write: () => Promise<void>, generation: string): Promise<void> {
    return remember(this.#ports.log, { generation }, write);
  }
}

function spentBy(log: EventLog, end: GenerationEvent): number {
  if (end.type === "generation.completed") return end.evaluations.spent;
  return spentSoFar([...log.events.map(({ event }) => event), end]);
}

export function hasFailed({ log }: Job): boolean {
  const last = log.events.at(-1)?.event.type;
  return last === "generation.failed" || last === "generation.canceled";
}

/** The GPU function plans too: both must mean the same generation, and send the image they name. */
async function checkEvent(event: GenerationEvent, plan: Plan): Promise<void> {
  if (event.type === "generation.planned" && event.plan.id !== plan.id) {
    const detail = `The edge planned ${plan.id}, the GPU function ${event.plan.id}`;
    throw new ProblemError(createProblem("model_mismatch", detail));
  }
  if (event.type === "generation.image") {
    const bytes = Uint8Array.fromBase64(event.data);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    if (digest === event.sha256) return;
    const detail = "The image does not have the SHA-256 that came with it";
    throw new ProblemError(createProblem("upstream_failed", detail));
  }
}

function toProblem(cause: unknown): Problem {
  if (cause instanceof ProblemError) return cause.problem;
  return createProblem("upstream_failed", "The events of the GPU function could not be read");
}
