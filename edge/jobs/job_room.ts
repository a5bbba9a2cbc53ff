/**
 * The room of one content key: it alone holds the stream from the GPU function, so readers come and go
 * without touching the run, and equal submissions share it.
 */
import {
  createProblem,
  type GenerationEvent,
  isTerminal,
  joinInsights,
  lacksInsights,
  LIMITS,
  type Parsed,
  type Plan,
  type Problem,
  ProblemError,
  refuse,
  type SeededRequest,
} from "../../contract/mod.ts";
import type { Results } from "../../db/queries.ts";
import type { GpuBackend, Log } from "../ports.ts";
import { EventLog } from "./event_log.ts";
import { within } from "./patience.ts";

export interface RoomSubmission {
  readonly request: SeededRequest;
  readonly plan: Plan;
}

export interface RoomPorts {
  readonly gpu: GpuBackend;
  readonly results: Pick<Results, "write">;
  readonly memory: RoomMemory;
  readonly now: () => number;
  readonly log: Log;
  readonly keepAlive: (work: Promise<unknown>) => void;
}

/** What outlives the room's process: enough to run again under the same ids. */
export interface RoomMemory {
  load(): Promise<RoomSubmission | null>;
  save(submission: RoomSubmission): Promise<void>;
  clear(): Promise<void>;
}

/** A run under way or over. */
export interface Job {
  readonly submission: RoomSubmission;
  readonly log: EventLog;
  readonly done: Promise<void>;
  /** Epoch milliseconds; null while it runs. */
  finishedAt: number | null;
}

const RETENTION_MS = 5 * 60_000;
const PERSIST_MS = 10_000;

export class JobRoom {
  readonly #ports: RoomPorts;
  #job: Job | null = null;
  #starting: Promise<Parsed<Job>> | null = null;

  constructor(ports: RoomPorts) {
    this.#ports = ports;
  }

  /** The job as it is in memory, retained for some minutes after its end. */
  get job(): Job | null {
    const finishedAt = this.#job?.finishedAt ?? null;
    if (finishedAt !== null && this.#ports.now() - finishedAt > RETENTION_MS) this.#job = null;
    return this.#job;
  }

  get busy(): boolean {
    return this.#starting !== null || (this.#job !== null && this.#job.finishedAt === null);
  }

  /**
   * Joins the run of this plan or starts one. A run that failed or was canceled starts anew; one that
   * lacks insights asked for does so when it has ended, with its own insights as well.
   */
  async join(submission: RoomSubmission): Promise<Parsed<{ job: Job; cached: boolean }>> {
    const { job } = this;
    if (job && !hasFailed(job)) {
      if (!lacksInsights(job.submission.plan, submission.plan)) {
        return { ok: true, value: { job, cached: job.finishedAt !== null } };
      }
      if (job.finishedAt === null) {
        await job.done;
        return await this.join(submission);
      }
    }
    const wanted = job && !hasFailed(job)
      ? joinInsights(submission, job.submission.plan)
      : submission;
    this.#starting ??= this.#start(wanted).finally(() => this.#starting = null);
    const started = await this.#starting;
    if (!started.ok) return started;
    // Another caller may have started it, without what is asked for here.
    if (lacksInsights(started.value.submission.plan, submission.plan)) {
      return await this.join(submission);
    }
    return { ok: true, value: { job: started.value, cached: false } };
  }

  /** The job without starting a new one; one that was cut off with its process is taken up again. */
  async find(): Promise<Parsed<Job | null>> {
    if (this.job) return { ok: true, value: this.job };
    if (this.#starting) return await this.#starting;
    const submission = await this.#ports.memory.load();
    // Another call may have started it meanwhile.
    if (this.#job || this.#starting) return await this.find();
    if (!submission) return { ok: true, value: null };
    const joined = await this.join(submission);
    return joined.ok ? { ok: true, value: joined.value.job } : joined;
  }

  cancel(job: Job): Promise<Parsed<null>> {
    return this.#ports.gpu.cancel(job.submission.plan.id);
  }

  async #start(submission: RoomSubmission): Promise<Parsed<Job>> {
    const { gpu, memory, keepAlive } = this.#ports;
    const { id } = submission.plan;
    const events = await gpu.submit({ id, request: submission.request }, -1);
    if (!events.ok) {
      // A run that was cut off stays remembered until the GPU function is back.
      if (!events.problem.retryable) await this.#remember(() => memory.clear(), id);
      return refuse(events.problem);
    }
    await this.#remember(() => memory.save(submission), id);
    const log = new EventLog();
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const job: Job = { submission, log, done, finishedAt: null };
    this.#job = job;
    keepAlive(this.#run(job, events.value).finally(resolve));
    return { ok: true, value: job };
  }

  /** Ends with exactly one terminal event in the log, whatever happens. */
  async #run(job: Job, events: AsyncIterable<{ id: number; event: GenerationEvent }>) {
    const { log, submission: { plan } } = job;
    try {
      for await (const { id, event } of events) {
        await checkEvent(event, plan);
        if (event.type === "generation.completed") await this.#persist(job, { id, event });
        log.append(id, event);
        if (isTerminal(event)) break;
      }
      if (!log.ended) throw new ProblemError(createProblem("upstream_failed", "No end was sent"));
    } catch (cause) {
      const problem = toProblem(cause);
      this.#ports.log({ level: "error", message: problem.detail, generation: plan.id, cause });
      log.append(log.lastId + 1, { type: "generation.failed", error: problem });
    }
    job.finishedAt = this.#ports.now();
    await this.#remember(() => this.#ports.memory.clear(), plan.id);
  }

  /** Before the end reaches a reader, so that the image's URL works by then. */
  async #persist({ log, submission }: Job, end: { id: number; event: GenerationEvent }) {
    const generation = submission.plan.id;
    const result = {
      ...submission,
      events: [...log.events.map(({ id, event }) => ({ id, event })), end],
      finished_at: this.#ports.now(),
    };
    try {
      const outcome = await within(this.#ports.results.write(result), PERSIST_MS, "Storing");
      if (outcome !== "image_too_large") return;
      const message = `Not stored: the image is over ${LIMITS.storedImageBytes} bytes`;
      this.#ports.log({ level: "info", message, generation });
    } catch (cause) {
      this.#ports.log({ level: "error", message: "Storing failed", generation, cause });
    }
  }

  /** Without its memory a room still works; it only cannot be taken up by another process. */
  async #remember(act: () => Promise<void>, generation: string): Promise<void> {
    try {
      await act();
    } catch (cause) {
      this.#ports.log({ level: "error", message: "Room memory failed", generation, cause });
    }
  }
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
