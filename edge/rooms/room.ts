/**
 * A room holds one run, lets equal submissions join it, and retains it for a while after its end.
 * This is the same for every kind of run; a `RoomKind` says what differs.
 */
import { accept, createProblem, type Parsed, refuse } from "../../contract/mod.ts";
import type { OnBehalfOf } from "../callers/on_behalf_of.ts";
import { beginRun, endRun } from "../limits/admission.ts";
import type { Limiters } from "../limits/limiter_call.ts";
import type { Log } from "../observability/log.ts";
import type { LogMessage, MessageLog } from "./message_log.ts";
import { ASKERS, putWatched, remember, type RoomStore, type RoomSubject } from "./room_store.ts";
import { type Asker, type AskerState, RunAskers } from "../callers/run_askers.ts";
import { tolerate } from "./tolerated_failure.ts";

/** A submission to a room. */
export interface RoomSubmission {
  readonly plan: { readonly id: string };
  /** Stored rooms have it under this name, so the name must stay. */
  readonly origin: OnBehalfOf;
  /** An earlier process of the room had begun it, so limits cannot refuse it any more. */
  readonly recalled?: boolean;
  /** Who had asked for it there. */
  readonly askers?: readonly AskerState[];
}

/** A run under way or over. */
export interface RoomRun {
  readonly submission: RoomSubmission;
  readonly log: MessageLog<LogMessage> & { append(numbered: { readonly id: number }): void };
  /** Settles when all work after the end is done. */
  readonly done: Promise<void>;
  /** The terminal event, under its cursor; null while it runs. */
  end: { readonly id: number } | null;
  /** Epoch milliseconds; null while it runs. */
  finishedAt: number | null;
}

type SubmissionOf<Run extends RoomRun> = Run["submission"];
type EndOf<Run extends RoomRun> = NonNullable<Run["end"]>;

/** What an earlier process of the room has left: a run to be resumed, or one that is over. */
export interface Recalled<Run extends RoomRun> {
  readonly cutOff: SubmissionOf<Run> | null;
  readonly ended?: Run | null;
}

/** The differences between kinds of rooms. */
export interface RoomKind<Run extends RoomRun> {
  subject(id: string): RoomSubject;
  /** Returns the evaluations that the submission is charged for. */
  evaluations(submission: SubmissionOf<Run>): number;
  /** Returns the evaluations that a run with this end has spent. */
  spent(run: Run, end: EndOf<Run>): number;

  create(submission: SubmissionOf<Run>, done: Promise<void>): Run;
  /**
   * Begins the work, and keeps the submission once that is accepted. Refuses before any effect.
   * @returns a function that leads the run to its end: the other events are in the log by then
   */
  open(run: Run): Promise<Parsed<() => Promise<EndOf<Run>>>>;
  /** Returns the end of a run that broke off without one. */
  breakOff(run: Run, cause: unknown): EndOf<Run>;
  cancel(run: Run): Promise<Parsed<null>>;
  /** Called when the terminal event has reached the readers. */
  afterEnd(run: Run, end: EndOf<Run>): Promise<void>;

  /** Returns whether the run starts anew when it is asked for. */
  hasFailed(run: Run): boolean;
  /** Returns whether the run shows less than the submission asks for. */
  lacks(run: Run, submission: SubmissionOf<Run>): boolean;
  /** Returns the submission, with what the earlier run showed added. */
  withAll(submission: SubmissionOf<Run>, run: Run): SubmissionOf<Run>;
  /** Called before a finished run answers again, since its result was not found in the store. */
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
  /** The run had already finished. */
  readonly cached: boolean;
  /** This call began the run. */
  readonly started: boolean;
}

const RETENTION_MS = 5 * 60_000;

/** A run that was cut off may be there, so the room cannot answer that there is none. */
const MEMORY_AWAY = createProblem(
  "storage_unavailable",
  "The room's memory is not available, so it is not known what it was doing",
);

export class Room<Run extends RoomRun> {
  readonly #kind: RoomKind<Run>;
  readonly #ports: RoomPorts;
  #run: Run | null = null;
  #starting: Promise<Parsed<Run>> | null = null;
  /** Those of the run in memory. */
  #askers = new RunAskers();

  constructor(kind: RoomKind<Run>, ports: RoomPorts) {
    this.#kind = kind;
    this.#ports = ports;
  }

  /** The run in memory, retained for some minutes after its end. */
  get run(): Run | null {
    const finishedAt = this.#run?.finishedAt ?? null;
    if (finishedAt !== null && this.#ports.now() - finishedAt > RETENTION_MS) this.#run = null;
    return this.#run;
  }

  get busy(): boolean {
    return this.#starting !== null || (this.#run !== null && this.#run.finishedAt === null);
  }

  /**
   * Joins the run of this submission or starts one. A run that failed or was canceled starts anew.
   * One that lacks what is asked for starts anew when it has ended, and shows what it showed as
   * well.
   */
  async join(submission: SubmissionOf<Run>): Promise<Parsed<Joined<Run>>> {
    const joined = await this.#join(submission);
    if (joined.ok) this.#noteAsker(joined.value.run, submission.origin);
    return joined;
  }

  async #join(submission: SubmissionOf<Run>): Promise<Parsed<Joined<Run>>> {
    const { run } = this;
    const sound = run && !this.#kind.hasFailed(run) ? run : null;
    if (sound && !this.#kind.lacks(sound, submission)) {
      if (sound.finishedAt !== null) await this.#kind.revisit?.(sound);
      return accept({ run: sound, cached: sound.finishedAt !== null, started: false });
    }
    if (sound && sound.finishedAt === null) {
      await sound.done;
      return await this.#join(submission);
    }
    const wanted = sound ? this.#kind.withAll(submission, sound) : submission;
    const started = this.#starting === null;
    this.#starting ??= this.#start(wanted).finally(() => this.#starting = null);
    const begun = await this.#starting;
    // Another caller's account had no room for the run; this one's may have.
    const isOthers = !begun.ok && !started && begun.problem.code === "rate_limited";
    if (isOthers) return await this.#join(submission);
    if (!begun.ok) return begun;
    // Another caller may have started it, without what is asked for here.
    if (this.#kind.lacks(begun.value, submission)) return await this.#join(submission);
    return accept({ run: begun.value, cached: false, started });
  }

  /**
   * Returns the run without starting a new one. A run that was cut off with its process is resumed,
   * if `concerns` accepts its submission.
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
    const joined = await this.#join({ ...cutOff, ...await this.#recallAskers(), recalled: true });
    return joined.ok ? accept(joined.value.run) : joined;
  }

  /** Returns whether the asker is one of the run's, though it may have left. */
  hasAsked(asker: Asker): boolean {
    return this.#askers.has(asker);
  }

  /** Lets an asker go. The run is canceled when no other wants it; so it stays where that fails. */
  async leave(run: Run, asker: Asker): Promise<Parsed<{ readonly goesOn: boolean }>> {
    const goesOn = this.#askers.isWantedWithout(asker);
    const canceled = goesOn ? accept(null) : await this.#kind.cancel(run);
    if (!canceled.ok) return canceled;
    this.#askers.leave(asker);
    if (goesOn) this.#keepAskers(run);
    return accept({ goesOn });
  }

  #noteAsker(run: Run, asker: Asker): void {
    if (run !== this.#run || !this.#askers.add(asker)) return;
    // One alone is found in the submission.
    if (this.#askers.states.length > 1) this.#keepAskers(run);
  }

  /** Keeps them in the background, where the room's end will forget them. */
  #keepAskers({ finishedAt, submission: { plan } }: Run): void {
    if (finishedAt !== null) return;
    const { store, log, keepAlive } = this.#ports;
    const { states } = this.#askers;
    const subject = this.#kind.subject(plan.id);
    keepAlive(remember(log, subject, () => putWatched(store, ASKERS, states)));
  }

  async #recall(): Promise<Parsed<Recalled<Run>>> {
    try {
      return accept(await this.#kind.recall());
    } catch (cause) {
      this.#ports.log({ level: "error", message: "Room memory failed", cause });
      return refuse(MEMORY_AWAY);
    }
  }

  /** Without them who began the run is its only asker. */
  async #recallAskers(): Promise<{ readonly askers?: readonly AskerState[] }> {
    const { store, log } = this.#ports;
    try {
      // Only `#keepAskers` writes under this name.
      const askers = await store.get(ASKERS) as readonly AskerState[] | null;
      return askers ? { askers } : {};
    } catch (cause) {
      log({ level: "error", message: "Room memory failed", cause });
      return {};
    }
  }

  /** Charges the account once, before any effect. */
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
    const wasShared = this.#askers.states.length > 1;
    this.#askers = new RunAskers(submission.askers);
    this.#askers.add(origin);
    // Those of the run before must not be taken for its own.
    if (wasShared) this.#keepAskers(run);
    keepAlive(this.#lead(run, opened.value).finally(resolve));
    return accept(run);
  }

  /** Appends exactly one terminal event to the log, in any case, and reports it once. */
  async #lead(run: Run, toEnd: () => Promise<EndOf<Run>>): Promise<void> {
    const { log } = this.#ports;
    const subject = this.#kind.subject(run.submission.plan.id);
    const end = await toEnd().then((end) => this.#end(run, end))
      .catch((cause) => this.#end(run, this.#kind.breakOff(run, cause)));
    const record = { message: "After the end", ...subject };
    await tolerate(log, record, () => this.#kind.afterEnd(run, end));
    // A caller that asked again meanwhile has begun a new run, which is remembered now.
    if (this.busy) return;
    await this.#forget(run);
    if (!this.#kind.hasFailed(run)) return;
    await remember(log, subject, async () => await this.#kind.retain?.(run));
  }

  /** Credits the account before the end reaches a reader, which may begin the next run at once. */
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
