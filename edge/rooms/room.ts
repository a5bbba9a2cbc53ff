/**
 * A room holds one run, lets equal submissions join it, and retains it for a while after its end. This is
 * the same for whatever runs; a `RoomKind` says what differs.
 */
import { accept, createProblem, type Parsed, refuse } from "../../contract/mod.ts";
import type { OnBehalfOf } from "../callers/on_behalf_of.ts";
import { beginRun, endRun } from "../limits/admission.ts";
import type { Limiters } from "../limits/limiter_call.ts";
import type { Log } from "../observability/log.ts";
import type { LogMessage, MessageLog } from "./message_log.ts";
import { remember, type RoomStore, type RoomSubject } from "./room_store.ts";
import { tolerate } from "./tolerated_failure.ts";

/** What a room is asked for. */
export interface RoomSubmission {
  readonly plan: { readonly id: string };
  /** Rooms have it stored under this name. */
  readonly origin: OnBehalfOf;
  /** An earlier process of the room had begun it: nobody is asked again whether it may run. */
  readonly recalled?: boolean;
}

/** A run under way or over. */
export interface RoomRun {
  readonly submission: RoomSubmission;
  readonly log: MessageLog<LogMessage> & { append(numbered: { readonly id: number }): void };
  /** It settles when all is done that follows the end. */
  readonly done: Promise<void>;
  /** The terminal event, under its cursor; null while it runs. */
  end: { readonly id: number } | null;
  /** Epoch milliseconds; null while it runs. */
  finishedAt: number | null;
}

type SubmissionOf<Run extends RoomRun> = Run["submission"];
type EndOf<Run extends RoomRun> = NonNullable<Run["end"]>;

/** What an earlier process of the room has left: a run to be taken up, or one that is over. */
export interface Recalled<Run extends RoomRun> {
  readonly cutOff: SubmissionOf<Run> | null;
  readonly ended?: Run | null;
}

/** What rooms differ in. */
export interface RoomKind<Run extends RoomRun> {
  subject(id: string): RoomSubject;
  /** U-Net rows that the submission is charged for. */
  evaluations(submission: SubmissionOf<Run>): number;
  /** U-Net rows that a run with this end has spent. */
  spent(run: Run, end: EndOf<Run>): number;

  create(submission: SubmissionOf<Run>, done: Promise<void>): Run;
  /**
   * Begins the work, and keeps the submission once that is accepted. Refuses before anything has happened.
   * @returns what leads the run to its end: all events but the terminal one are in the log by then
   */
  open(run: Run): Promise<Parsed<() => Promise<EndOf<Run>>>>;
  /** The end of a run that could not be led to one. */
  breakOff(run: Run, cause: unknown): EndOf<Run>;
  cancel(run: Run): Promise<Parsed<null>>;
  /** Called when the terminal event has reached the readers. */
  afterEnd(run: Run, end: EndOf<Run>): Promise<void>;

  /** Such a run starts anew when it is asked for. */
  hasFailed(run: Run): boolean;
  /** Whether the run shows less than the submission asks for. */
  lacks(run: Run, submission: SubmissionOf<Run>): boolean;
  /** The submission, asking for what the run before showed as well. */
  withAll(submission: SubmissionOf<Run>, run: Run): SubmissionOf<Run>;
  /** Before a run that is over answers again: its result was not where results are looked up first. */
  revisit?(run: Run): Promise<void>;

  /** Rejects when the room's memory is not available. */
  recall(): Promise<Recalled<Run>>;
  /** Keeps how a run failed, for the `recall` of the next process. */
  retain?(run: Run): Promise<void>;
}

export interface RoomPorts {
  readonly store: RoomStore;
  readonly limiters: Limiters;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly log: Log;
  readonly keepAlive: (work: Promise<unknown>) => void;
}

export interface Joined<Run> {
  readonly run: Run;
  /** It had finished already. */
  readonly cached: boolean;
  /** This call began it. */
  readonly started: boolean;
}

const RETENTION_MS = 5 * 60_000;

/** What was cut off may be there, so nobody may say that it is not. */
const MEMORY_AWAY = createProblem(
  "storage_unavailable",
  "The room's memory is not available, so it is not known what it was doing",
);

export class Room<Run extends RoomRun> {
  readonly #kind: RoomKind<Run>;
  readonly #ports: RoomPorts;
  #run: Run | null = null;
  #starting: Promise<Parsed<Run>> | null = null;

  constructor(kind: RoomKind<Run>, ports: RoomPorts) {
    this.#kind = kind;
    this.#ports = ports;
  }

  /** The run as it is in memory, retained for some minutes after its end. */
  get run(): Run | null {
    const finishedAt = this.#run?.finishedAt ?? null;
    if (finishedAt !== null && this.#ports.now() - finishedAt > RETENTION_MS) this.#run = null;
    return this.#run;
  }

  get busy(): boolean {
    return this.#starting !== null || (this.#run !== null && this.#run.finishedAt === null);
  }

  /**
   * Joins the run of this submission or starts one. A run that failed or was canceled starts anew; one
   * that lacks what is asked for does so when it has ended, showing what it showed as well.
   */
  async join(submission: SubmissionOf<Run>): Promise<Parsed<Joined<Run>>> {
    const { run } = this;
    const sound = run && !this.#kind.hasFailed(run) ? run : null;
    if (sound && !this.#kind.lacks(sound, submission)) {
      if (sound.finishedAt !== null) await this.#kind.revisit?.(sound);
      return accept({ run: sound, cached: sound.finishedAt !== null, started: false });
    }
    if (sound && sound.finishedAt === null) {
      await sound.done;
      return await this.join(submission);
    }
    const wanted = sound ? this.#kind.withAll(submission, sound) : submission;
    const started = this.#starting === null;
    this.#starting ??= this.#start(wanted).finally(() => this.#starting = null);
    const begun = await this.#starting;
    // Another caller's account had no room for the run; this one's may have.
    const isOthers = !begun.ok && !started && begun.problem.code === "rate_limited";
    if (isOthers) return await this.join(submission);
    if (!begun.ok) return begun;
    // Another caller may have started it, without what is asked for here.
    if (this.#kind.lacks(begun.value, submission)) return await this.join(submission);
    return accept({ run: begun.value, cached: false, started });
  }

  /**
   * The run without starting a new one; one that was cut off with its process is taken up again, unless
   * it is nothing to whoever asks.
   */
  async find(
    concerns: (submission: SubmissionOf<Run>) => boolean,
  ): Promise<Parsed<Run | null>> {
    if (this.run) return accept(this.run);
    if (this.#starting) return await this.#starting;
    const recalled = await this.#recall();
    if (!recalled.ok) return recalled;
    // Another call may have started it meanwhile.
    if (this.#run || this.#starting) return await this.find(concerns);
    const { cutOff, ended = null } = recalled.value;
    if (!cutOff) {
      this.#run = ended;
      return accept(this.run);
    }
    if (!concerns(cutOff)) return accept(null);
    const joined = await this.join({ ...cutOff, recalled: true });
    return joined.ok ? accept(joined.value.run) : joined;
  }

  cancel(run: Run): Promise<Parsed<null>> {
    return this.#kind.cancel(run);
  }

  async #recall(): Promise<Parsed<Recalled<Run>>> {
    try {
      return accept(await this.#kind.recall());
    } catch (cause) {
      this.#ports.log({ level: "error", message: "Room memory failed", cause });
      return refuse(MEMORY_AWAY);
    }
  }

  /** The account is charged before anything happens, and only once. */
  async #start(submission: SubmissionOf<Run>): Promise<Parsed<Run>> {
    const { limiters, keepAlive } = this.#ports;
    const { origin, plan: { id }, recalled = false } = submission;
    const evaluations = this.#kind.evaluations(submission);
    const admitted = await beginRun(limiters, origin, { run: id, evaluations });
    if (!admitted.ok && !recalled) return admitted;
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const run = this.#kind.create(submission, done);
    const opened = await this.#kind.open(run);
    if (!opened.ok) {
      // A run that was cut off stays remembered until the GPU function is back.
      if (!opened.problem.retryable) await this.#forget(run);
      await endRun(limiters, origin, { run: id, spent: 0 });
      return opened;
    }
    this.#run = run;
    keepAlive(this.#lead(run, opened.value).finally(resolve));
    return accept(run);
  }

  /** Exactly one terminal event comes into the log, whatever happens, and is reported once. */
  async #lead(run: Run, toEnd: () => Promise<EndOf<Run>>): Promise<void> {
    const { log } = this.#ports;
    const subject = this.#kind.subject(run.submission.plan.id);
    const end = await toEnd().then((end) => this.#end(run, end))
      .catch((cause) => this.#end(run, this.#kind.breakOff(run, cause)));
    const record = { message: "After the end", ...subject };
    await tolerate(log, record, () => this.#kind.afterEnd(run, end));
    // Whoever asked again meanwhile has begun a run of their own, which is remembered now.
    if (this.busy) return;
    await this.#forget(run);
    if (!this.#kind.hasFailed(run)) return;
    await remember(log, subject, async () => await this.#kind.retain?.(run));
  }

  /** The account is credited before the end reaches a reader, who may begin the next run at once. */
  async #end(run: Run, end: EndOf<Run>): Promise<EndOf<Run>> {
    const { limiters, log, now } = this.#ports;
    const { origin, plan: { id } } = run.submission;
    const spent = this.#kind.spent(run, end);
    const record = { message: "Settling failed", ...this.#kind.subject(id) };
    await tolerate(log, record, () => endRun(limiters, origin, { run: id, spent }));
    const finishedAt = now();
    run.log.append(end);
    run.end = end;
    run.finishedAt = finishedAt;
    return end;
  }

  #forget({ submission: { plan } }: Run): Promise<void> {
    const { store, log } = this.#ports;
    return remember(log, this.#kind.subject(plan.id), () => store.clear());
  }
}
