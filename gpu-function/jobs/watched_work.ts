/** A job's work while it goes on, for those who wait for it. */
import type { Activity, GenerationEvent, Plan, Progress } from "../../contract/mod.ts";
import type { Clock } from "./clock.ts";
import { advanceWork, beginActivity, createWork, describeWork, type Work } from "./work.ts";

export class WatchedWork {
  readonly #plan: Plan;
  readonly #clock: Pick<Clock, "now">;
  #state: Work;
  #turn = Promise.withResolvers<void>();

  constructor(plan: Plan, clock: Pick<Clock, "now">) {
    this.#plan = plan;
    this.#clock = clock;
    this.#state = createWork(plan, clock.now());
  }

  /** Another object as soon as the job has come further. */
  get state(): Work {
    return this.#state;
  }

  /** Settles when another activity begins. */
  get turned(): Promise<void> {
    return this.#turn.promise;
  }

  begin(activity: Activity): void {
    this.#state = beginActivity(this.#state, activity, this.#clock.now());
    this.#turn.resolve();
    this.#turn = Promise.withResolvers();
  }

  advance(event: GenerationEvent): void {
    this.#state = advanceWork(this.#state, event, this.#clock.now());
  }

  /** @param othersMovedAt when anything went on in any job, in milliseconds of the clock */
  describe(othersMovedAt: number): Progress {
    const now = this.#clock.now();
    const { activity, movedAt } = this.#state;
    // A queued job waits for others: as long as they go on, it does not stand still.
    const since = activity === "queued" ? Math.max(othersMovedAt, movedAt) : movedAt;
    return describeWork(this.#state, this.#plan, now, now - since);
  }
}
