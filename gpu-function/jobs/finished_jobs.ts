/** Finished jobs kept for those who come back: bounded in number, size and age, the oldest go first. */

export interface RetentionLimits {
  readonly retainedMax: number;
  /** Bytes of events as JSON. */
  readonly retainedBytes: number;
  readonly retainedMs: number;
}

interface Entry<Job> {
  readonly job: Job;
  readonly bytes: number;
  readonly finishedAtMs: number;
}

export class FinishedJobs<Job> {
  readonly #limits: RetentionLimits;
  // A Map iterates in the order of insertion, which is the order of finishing.
  readonly #entries = new Map<string, Entry<Job>>();
  #bytes = 0;

  constructor(limits: RetentionLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(id: string, entry: Entry<Job>): void {
    this.delete(id);
    this.#entries.set(id, entry);
    this.#bytes += entry.bytes;
    this.#trim(entry.finishedAtMs);
  }

  get(id: string, nowMs: number): Job | undefined {
    this.#trim(nowMs);
    return this.#entries.get(id)?.job;
  }

  delete(id: string): void {
    this.#bytes -= this.#entries.get(id)?.bytes ?? 0;
    this.#entries.delete(id);
  }

  /** Drops from the oldest on until every bound holds, even if nothing is left. */
  #trim(nowMs: number): void {
    const { retainedMax, retainedBytes, retainedMs } = this.#limits;
    for (const [id, { finishedAtMs }] of this.#entries) {
      const fits = this.count <= retainedMax && this.#bytes <= retainedBytes;
      if (fits && nowMs - finishedAtMs < retainedMs) return;
      this.delete(id);
    }
  }
}
