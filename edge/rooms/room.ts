/** What all rooms do: hold one job, let equal submissions join it, retain it for a while after its end. */
import { accept, createProblem, type Parsed } from "../../contract/mod.ts";

/** A run under way or over. */
export interface RoomJob {
  readonly done: Promise<void>;
  /** Epoch milliseconds; null while it runs. */
  finishedAt: number | null;
}

export interface Joined<Job> {
  readonly job: Job;
  /** It had finished already. */
  readonly cached: boolean;
  /** This call began it. */
  readonly started: boolean;
}

const RETENTION_MS = 5 * 60_000;

/** What was cut off may be there, so nobody may say that it is not. */
export const MEMORY_AWAY = createProblem(
  "storage_unavailable",
  "The room's memory is not available, so it is not known what it was doing",
);

export abstract class Room<Submission, Job extends RoomJob> {
  readonly #now: () => number;
  #job: Job | null = null;
  #starting: Promise<Parsed<Job>> | null = null;

  /** @param now epoch milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Begins the work, calling `hold` first. Refuses before anything has happened. */
  protected abstract start(submission: Submission): Promise<Parsed<Job>>;
  /** What was cut off with an earlier process of this room. */
  protected abstract recall(): Promise<Parsed<Submission | null>>;
  /** What failed or was canceled in an earlier process of this room, as long as it is retained. */
  protected recallEnded(): Promise<Job | null> {
    return Promise.resolve(null);
  }
  /** Such a job starts anew when it is asked for. */
  protected abstract hasFailed(job: Job): boolean;

  /** Whether the job shows less than the submission asks for. */
  protected abstract lacks(job: Job, submission: Submission): boolean;
  /** The submission, asking for what the job before showed as well. */
  protected abstract withAll(submission: Submission, job: Job): Submission;

  /** Before a job that has ended answers again: its result was not where results are looked up first. */
  protected revisit(_job: Job): Promise<void> {
    return Promise.resolve();
  }

  protected hold(job: Job): void {
    this.#job = job;
  }

  /** The job as it is in memory, retained for some minutes after its end. */
  get job(): Job | null {
    const finishedAt = this.#job?.finishedAt ?? null;
    if (finishedAt !== null && this.#now() - finishedAt > RETENTION_MS) this.#job = null;
    return this.#job;
  }

  get busy(): boolean {
    return this.#starting !== null || (this.#job !== null && this.#job.finishedAt === null);
  }

  /**
   * Joins the run of this submission or starts one. A run that failed or was canceled starts anew; one
   * that lacks what is asked for does so when it has ended, showing what it showed as well.
   */
  async join(submission: Submission): Promise<Parsed<Joined<Job>>> {
    const { job } = this;
    const sound = job && !this.hasFailed(job) ? job : null;
    if (sound && !this.lacks(sound, submission)) {
      if (sound.finishedAt !== null) await this.revisit(sound);
      return accept({ job: sound, cached: sound.finishedAt !== null, started: false });
    }
    if (sound && sound.finishedAt === null) {
      await sound.done;
      return await this.join(submission);
    }
    const wanted = sound ? this.withAll(submission, sound) : submission;
    const started = this.#starting === null;
    this.#starting ??= this.start(wanted).finally(() => this.#starting = null);
    const begun = await this.#starting;
    // Another caller's account had no room for the run; this one's may have.
    const isOthers = !begun.ok && !started && begun.problem.code === "rate_limited";
    if (isOthers) return await this.join(submission);
    if (!begun.ok) return begun;
    // Another caller may have started it, without what is asked for here.
    if (this.lacks(begun.value, submission)) return await this.join(submission);
    return accept({ job: begun.value, cached: false, started });
  }

  /**
   * The job without starting a new one; one that was cut off with its process is taken up again, unless
   * it is nothing to whoever asks.
   */
  async find(concerns: (submission: Submission) => boolean): Promise<Parsed<Job | null>> {
    if (this.job) return { ok: true, value: this.job };
    if (this.#starting) return await this.#starting;
    const recalled = await this.recall();
    if (!recalled.ok) return recalled;
    const submission = recalled.value;
    // Another call may have started it meanwhile.
    if (this.#job || this.#starting) return await this.find(concerns);
    if (!submission) return accept(await this.#findEnded());
    if (!concerns(submission)) return accept(null);
    const joined = await this.join(submission);
    return joined.ok ? { ok: true, value: joined.value.job } : joined;
  }

  async #findEnded(): Promise<Job | null> {
    const ended = await this.recallEnded();
    if (ended && !this.#job && !this.#starting) this.hold(ended);
    return this.job;
  }
}
