/**
 * Jobs: who may start one, who joins one, how each ends. Knows no HTTP. The only writer of the logs,
 * so whatever the engine does, a log that was opened gets exactly one terminal event.
 */
import {
  accept,
  type Activity,
  createFieldProblem,
  createProblem,
  type ErrorCode,
  fieldIssue,
  type GenerationEvent,
  type HealthStatus,
  isTerminal,
  lacksInsights,
  type OwnedRequest,
  type Parsed,
  parseOwnedRequest,
  type Plan,
  ProblemError,
  type Progress,
  refuse,
} from "../../contract/mod.ts";
import type { Clock } from "./clock.ts";
import type { Engine } from "./engine.ts";
import { EventLog, type ReaderSeats } from "./event_log.ts";
import { FinishedJobs, type RetentionLimits } from "./finished_jobs.ts";
import { WatchedWork } from "./watched_work.ts";
import { advanceJob, createJobState, type JobOutcome, type JobState, outcomeOf } from "./job.ts";
import { describeCause, type LogSink } from "./log_record.ts";

export interface ServiceLimits extends RetentionLimits {
  readonly runningMax: number;
  readonly queuedMax: number;
  /** Readers of events at one time, over all jobs. */
  readonly readersMax: number;
  /** How long a draining service lets accepted jobs go on. */
  readonly drainMs: number;
  /** How long a canceled job waits for the engine to let go before it is closed regardless. */
  readonly cancelMs: number;
}

export interface ServicePorts {
  readonly clock: Clock;
  readonly log: LogSink;
}

export interface Job {
  readonly id: string;
  readonly plan: Plan;
  readonly log: EventLog;
  readonly state: JobState;
  readonly work: WatchedWork;
}

interface OwnedJob extends Job {
  state: JobState;
  /** Id of the request that began it, for the log. */
  readonly requestId: string | null;
  readonly abort: AbortController;
  /** Ends the wait for the engine to let go of a canceled job. */
  stopWaiting: () => void;
}

export interface Submission {
  readonly job: Job;
  /** The job was there already. */
  readonly joined: boolean;
}

export interface ServiceTally {
  readonly running: number;
  readonly queued: number;
  readonly retained: number;
  readonly retainedBytes: number;
  readonly readers: number;
  readonly started: number;
  readonly joined: number;
  readonly finished: Readonly<Record<JobOutcome, number>>;
  readonly refused: ReadonlyMap<ErrorCode, number>;
  /** U-Net rows that the cutoffs of succeeded jobs left out. */
  readonly evaluationsSaved: number;
}

const CONTENT_KEY = /^[0-9a-f]{64}$/;
const PREDICTION_ID = /^[A-Za-z0-9_-]{1,128}$/;

export class GenerationService {
  readonly #limits: ServiceLimits;
  readonly #ports: ServicePorts;
  readonly #unfinished = new Map<string, OwnedJob>();
  readonly #finished: FinishedJobs<OwnedJob>;
  readonly #seats: ReaderSeats;
  /** Jobs inside the engine. One that was closed regardless stays here: its slot is not free. */
  readonly #running = new Set<OwnedJob>();
  readonly #queue: OwnedJob[] = [];
  readonly #counts = { started: 0, joined: 0, evaluationsSaved: 0 };
  readonly #outcomes: Record<JobOutcome, number> = { succeeded: 0, failed: 0, canceled: 0 };
  readonly #refused = new Map<ErrorCode, number>();
  readonly #idleWaiters: (() => void)[] = [];
  /** When anything went on in any job, in milliseconds of the clock. */
  #movedAt = 0;
  #engine: Engine | null = null;
  #setupFailure: string | null = null;
  #drained: Promise<void> | null = null;

  constructor(limits: ServiceLimits, ports: ServicePorts) {
    this.#limits = limits;
    this.#ports = ports;
    this.#finished = new FinishedJobs(limits);
    this.#seats = { max: limits.readersMax, taken: 0 };
  }

  /** Opens the service for work. */
  start(engine: Engine): void {
    this.#engine = engine;
  }

  /** Work is refused for good; health says so. @param reason one sentence for operators */
  failSetup(reason: string): void {
    this.#setupFailure = reason;
  }

  get engine(): Engine | null {
    return this.#engine;
  }

  get setupFailure(): string | null {
    return this.#setupFailure;
  }

  get health(): HealthStatus {
    if (this.#drained) return "DRAINING";
    if (this.#setupFailure !== null) return "SETUP_FAILED";
    if (!this.#engine) return "STARTING";
    return this.#running.size < this.#limits.runningMax ? "READY" : "BUSY";
  }

  get tally(): ServiceTally {
    return {
      ...this.#counts,
      running: this.#running.size,
      queued: this.#queue.length,
      retained: this.#finished.count,
      retainedBytes: this.#finished.bytes,
      readers: this.#seats.taken,
      finished: { ...this.#outcomes },
      refused: this.#refused,
    };
  }

  /**
   * Starts a job under an id, or joins the one that runs or has succeeded under it.
   * A failed or canceled one starts anew, as does one that succeeded without insights now asked for.
   * @param requestId of the call, for the log of the job that it starts
   */
  submit(id: string, input: unknown, requestId: string | null = null): Parsed<Submission> {
    const submission = this.#submit(id, input, requestId);
    if (!submission.ok) {
      const { code } = submission.problem;
      this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
    }
    return submission;
  }

  #submit(id: string, input: unknown, requestId: string | null): Parsed<Submission> {
    const engine = this.#engine;
    if (!engine) return refuse(createProblem("gpu_unavailable", this.#whyNoEngine()));
    const request = parseOwnedRequest(input);
    if (!request.ok) return request;
    const existing = this.#find(id);
    const plan = engine.plan(withSeedOf(existing?.plan, request.value));
    if (!plan.ok) return plan;
    const outcome = existing ? outcomeOf(existing.state) : null;
    const kept = existing && (outcome === null || outcome === "succeeded") ? existing : null;
    const refusal = checkId(id, plan.value, kept);
    if (refusal) return refusal;
    const isLacking = kept !== null && lacksInsights(kept.plan, plan.value);
    if (isLacking && outcome === null) {
      const detail = `Prediction ${id} is running without the insights that are asked for now`;
      return refuse(createProblem("conflict", detail));
    }
    const joinable = isLacking ? null : kept;
    if (joinable) {
      this.#counts.joined++;
      return accept({ job: joinable, joined: true });
    }
    return this.#admit(id, { plan: plan.value, requestId }, engine);
  }

  find(id: string): Job | undefined {
    return this.#find(id);
  }

  /** What a job is doing now. */
  readonly progressOf = ({ work }: Job): Progress => work.describe(this.#movedAt);

  /** What all jobs in the engine are doing now. */
  get progress(): readonly Progress[] {
    return [...this.#running].map(this.progressOf);
  }

  #find(id: string): OwnedJob | undefined {
    return this.#unfinished.get(id) ?? this.#finished.get(id, this.#ports.clock.now());
  }

  /** Stops a job; one that has ended stays as it is. */
  cancel(id: string): Job | undefined {
    const job = this.#find(id);
    if (job) this.#cancel(job);
    return job;
  }

  /** Refuses new work, lets accepted jobs end for `drainMs`, then cancels them. Resolves when idle. */
  drain(): Promise<void> {
    return this.#drained ??= this.#drain();
  }

  async #drain(): Promise<void> {
    const { clock, log } = this.#ports;
    log({ level: "info", message: "service.draining", unfinished: this.#unfinished.size });
    const clear = clock.setTimer(this.#limits.drainMs, () => {
      for (const job of [...this.#unfinished.values()]) this.#cancel(job);
    });
    if (this.#unfinished.size > 0) {
      await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
    }
    clear();
    log({ level: "info", message: "service.drained" });
  }

  #admit(
    id: string,
    { plan, requestId }: Pick<OwnedJob, "plan" | "requestId">,
    engine: Engine,
  ): Parsed<Submission> {
    const { runningMax, queuedMax } = this.#limits;
    if (this.#drained) {
      return refuse(createProblem("gpu_unavailable", "The GPU function is shutting down"));
    }
    const startsNow = this.#running.size < runningMax;
    if (!startsNow && this.#queue.length >= queuedMax) {
      const detail = `All ${runningMax} runs and ${queuedMax} places in the queue are taken`;
      return refuse(createProblem("at_capacity", detail));
    }
    const { clock } = this.#ports;
    const job: OwnedJob = {
      id,
      plan,
      requestId,
      log: new EventLog(this.#seats),
      state: createJobState(clock.now()),
      work: new WatchedWork(plan, clock),
      abort: new AbortController(),
      stopWaiting: () => {},
    };
    this.#finished.delete(id);
    this.#unfinished.set(id, job);
    this.#record(job, { type: "generation.queued", id });
    this.#record(job, { type: "generation.planned", plan });
    if (startsNow) void this.#run(job, engine);
    else this.#queue.push(job);
    return accept({ job, joined: false });
  }

  async #run(job: OwnedJob, engine: Engine): Promise<void> {
    this.#running.add(job);
    this.#counts.started++;
    this.#ports.log({
      level: "info",
      message: "generation.started",
      id: job.id,
      request_id: job.requestId,
      model: job.plan.model,
      evaluations_planned: job.plan.evaluations.planned,
    });
    try {
      await this.#follow(job, engine);
      this.#conclude(job, new Error("The engine ended without a terminal event"));
    } catch (cause) {
      this.#conclude(job, cause);
    }
    this.#running.delete(job);
    const next = this.#queue.shift();
    if (next) void this.#run(next, engine);
  }

  async #follow(job: OwnedJob, engine: Engine): Promise<void> {
    const { signal } = job.abort;
    const report = (activity: Activity) => {
      this.#movedAt = this.#ports.clock.now();
      job.work.begin(activity);
    };
    for await (const event of engine.generate(job.plan, signal, report)) {
      if (outcomeOf(job.state) !== null) return;
      this.#record(job, event);
      if (isTerminal(event) || signal.aborted) return;
    }
  }

  /** Gives a job that has left the engine its terminal event, unless it has one. */
  #conclude(job: OwnedJob, cause: unknown): void {
    if (outcomeOf(job.state) !== null) return;
    if (job.abort.signal.aborted) {
      this.#record(job, { type: "generation.canceled", evaluations: job.state.evaluations });
      return;
    }
    const unexpected = cause instanceof ProblemError ? cause.cause : cause;
    if (unexpected !== undefined) {
      const message = "generation.broke";
      this.#ports.log({ level: "error", message, id: job.id, ...describeCause(unexpected) });
    }
    const error = cause instanceof ProblemError
      ? cause.problem
      : createProblem("internal", "The engine broke off; the cause is in the GPU function's log");
    this.#record(job, { type: "generation.failed", error });
  }

  #cancel(job: OwnedJob): void {
    const { signal } = job.abort;
    if (outcomeOf(job.state) !== null || signal.aborted) return;
    job.abort.abort();
    const place = this.#queue.indexOf(job);
    if (place >= 0) {
      this.#queue.splice(place, 1);
      this.#conclude(job, signal.reason);
      return;
    }
    // An engine that does not let go must not keep the readers waiting.
    job.stopWaiting = this.#ports.clock.setTimer(this.#limits.cancelMs, () => {
      this.#ports.log({ level: "error", message: "generation.cancel_ignored", id: job.id });
      this.#conclude(job, signal.reason);
    });
  }

  #record(job: OwnedJob, event: GenerationEvent): void {
    this.#movedAt = this.#ports.clock.now();
    job.state = advanceJob(job.state, event, this.#movedAt);
    job.work.advance(event);
    job.log.append(event);
    const outcome = outcomeOf(job.state);
    if (outcome) this.#retire(job, outcome);
    if (event.type === "generation.completed") {
      const { full, spent, shared } = event.evaluations;
      this.#counts.evaluationsSaved += full - spent - shared;
    }
  }

  #retire(job: OwnedJob, outcome: JobOutcome): void {
    const { id, plan, requestId, log, state } = job;
    job.stopWaiting();
    this.#unfinished.delete(id);
    // Each event is held twice: as itself, and as the frame that all readers share.
    const bytes = 2 * log.jsonLength;
    this.#finished.add(id, { job, bytes, finishedAtMs: this.#ports.clock.now() });
    this.#outcomes[outcome]++;
    this.#ports.log({
      level: "info",
      message: "generation.finished",
      id,
      request_id: requestId,
      key: plan.id,
      outcome,
      code: state.problem?.code ?? null,
      evaluations: state.evaluations,
      predict_ms: state.predictTimeMs,
    });
    if (this.#unfinished.size > 0) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  #whyNoEngine(): string {
    return this.#setupFailure === null
      ? "The GPU function is still loading its models"
      : "The GPU function could not load its models; the cause is in its log";
  }
}

/** A retry that leaves the seed out means the one that was drawn the first time. */
function withSeedOf(plan: Plan | undefined, request: OwnedRequest): OwnedRequest {
  return plan && request.seed === undefined ? { ...request, seed: plan.seed } : request;
}

/** An id that looks like a content key has to be this plan's, and no id may stand for two plans. */
function checkId(id: string, plan: Plan, existing: Job | null): Parsed<never> | null {
  if (!PREDICTION_ID.test(id)) {
    const issue = fieldIssue("id", "1 to 128 letters, digits, hyphens or underscores", id);
    return refuse(createFieldProblem("invalid_request", [issue]));
  }
  if (CONTENT_KEY.test(id) && id !== plan.id) {
    const detail = `The request's content key is ${plan.id}, given as id was ${id}: ` +
      "caller and GPU function have different models, engine versions or seeds";
    return refuse(createProblem("conflict", detail));
  }
  if (existing && existing.plan.id !== plan.id) {
    const detail = `Prediction ${id} stands for ${existing.plan.id}, the request is ${plan.id}`;
    return refuse(createProblem("conflict", detail));
  }
  return null;
}
