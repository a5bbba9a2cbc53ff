/**
 * Ends each of the database's calls in time. A call without an answer counts as failed when its
 * time is over. For a while after it other calls fail at once, so that requests need not wait for a
 * silent database.
 */
import { CircuitBreaker } from "../circuit_breaker.ts";

export interface GuardPorts {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Does something later, unless the function that is returned is called before. */
  readonly later: (ms: number, act: () => void) => () => void;
}

/** A failure that takes longer counts as silence: a lock, or a lost connection. */
const PROMPT_MS = 500;

/** Made once per process or isolate, since it remembers that the database was silent. */
export class DatabaseGuard {
  readonly #callMs: number;
  readonly #ports: GuardPorts;
  readonly #circuit: CircuitBreaker;
  #answers = 0;

  /** @param callMs how long one call may take, and how long the database is left alone after it */
  constructor(callMs: number, ports: GuardPorts) {
    this.#callMs = callMs;
    this.#ports = ports;
    this.#circuit = new CircuitBreaker({ failuresMax: 1, openMs: callMs }, ports.now);
  }

  /**
   * Returns the call's outcome. An answer after the end is ignored, though the database may have
   * acted.
   * @throws Error when the answer is late, or the database is left alone
   */
  async pass<T>(call: () => Promise<T>): Promise<T> {
    const isClosed = this.#circuit.state === "closed";
    if (!isClosed && !this.#circuit.mayProbe()) {
      throw new Error(
        "The database kept somebody waiting just now, and is left alone for a moment",
      );
    }
    const { now, later } = this.#ports;
    const began = now();
    const answersBefore = this.#answers;
    const end = Promise.withResolvers<never>();
    const text = `The database took longer than ${this.#callMs} ms`;
    const stop = later(this.#callMs, () => end.reject(new Error(text)));
    try {
      const value = await Promise.race([call(), end.promise]);
      this.#answered();
      return value;
    } catch (cause) {
      if (now() - began < PROMPT_MS) this.#answered();
      // Slow is not silent: a database that answers other calls meanwhile is asked on.
      else if (!isClosed || this.#answers === answersBefore) this.#circuit.failed();
      throw cause;
    } finally {
      stop();
    }
  }

  #answered(): void {
    this.#answers++;
    this.#circuit.succeeded();
  }
}
