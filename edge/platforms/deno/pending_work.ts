/** Work that goes on after the responses of a process that outlives its requests. */
import type { Log } from "../../observability/log.ts";

export class PendingWork {
  readonly #pending = new Set<Promise<unknown>>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  get count(): number {
    return this.#pending.size;
  }

  /** Keeps a failure of the work from ending the process. */
  readonly keepAlive = (work: Promise<unknown>): void => {
    const watched = work
      .catch((cause) => this.#log({ level: "error", message: "Work failed", cause }))
      .finally(() => this.#pending.delete(watched));
    this.#pending.add(watched);
  };

  /**
   * Resolves when all work is done. @param hurry called before each wait, for work that waits
   * itself
   */
  async settled(hurry: () => void): Promise<void> {
    while (this.#pending.size > 0) {
      hurry();
      await Promise.all(this.#pending);
    }
  }
}
