/**
 * Decides whether calling something that has failed is worth a try. Pure, except for its counts.
 * Requests never probe a GPU function: its health check does (`pool.ts`).
 */

export type CircuitState = "closed" | "open" | "half_open";

export interface CircuitOptions {
  /** Failures in a row that open it. */
  readonly failuresMax: number;
  /** How long it stays open before one probe may be sent, and between probes. */
  readonly openMs: number;
}

export class CircuitBreaker {
  readonly #options: CircuitOptions;
  /** Epoch milliseconds. */
  readonly #now: () => number;
  #failures = 0;
  #probeAt: number | null = null;
  #probing = false;

  constructor(options: CircuitOptions, now: () => number) {
    this.#options = options;
    this.#now = now;
  }

  get state(): CircuitState {
    if (this.#probeAt === null) return "closed";
    return this.#probing ? "half_open" : "open";
  }

  /**
   * Returns whether the caller may probe now. After a probe without a report the next may follow.
   */
  mayProbe(): boolean {
    if (this.#probeAt === null || this.#now() < this.#probeAt) return false;
    this.#probing = true;
    this.#probeAt = this.#now() + this.#options.openMs;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#probeAt = null;
    this.#probing = false;
  }

  failed(): void {
    this.#probing = false;
    if (++this.#failures < this.#options.failuresMax) return;
    this.#probeAt = this.#now() + this.#options.openMs;
  }
}
