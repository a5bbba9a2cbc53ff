/**
 * Whether calling something that has failed is worth a try. Pure but for its own state: it counts what it
 * is told. A GPU function's is never probed by a request: who may probe asks the health check (`pool.ts`).
 */

export type CircuitState = "closed" | "open" | "half_open";

export interface CircuitOptions {
  /** Failures in a row that open it. */
  readonly failuresMax: number;
  /** How long it stays open before one probe may be sent, and another behind that one. */
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

  /** Whether it is the caller's turn to probe. A probe that is never reported on gives way to the next. */
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
