/**
 * The database's calls, each with an end. One that says nothing counts as failed when its time is over,
 * and until the database has been left alone for a while those behind it fail at once: nobody waits for
 * what has just kept somebody else waiting.
 */
import { CircuitBreaker } from "../circuit_breaker.ts";

export interface GuardPorts {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Does something later, unless the function that is returned is called before. */
  readonly later: (ms: number, act: () => void) => () => void;
}

/** A failure that took longer was waited for, as for an answer that never comes: a lock, a connection. */
const PROMPT_MS = 500;

/** To be made once a process or isolate: it remembers that the database was silent. */
export class DatabaseGuard {
  readonly #callMs: number;
  readonly #ports: GuardPorts;
  readonly #circuit: CircuitBreaker;
  #answers = 0;

  /** @param callMs for one call, and how long the database is left alone after one */
  constructor(callMs: number, ports: GuardPorts) {
    this.#callMs = callMs;
    this.#ports = ports;
    this.#circuit = new CircuitBreaker({ failuresMax: 1, openMs: callMs }, ports.now);
  }

  /**
   * What the call comes to. An answer after the end is not heard, though what it was about may be done.
   *
   * @throws Error when there is no answer in time, or lately was none
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
      // Slow is not silent: whoever answers others meanwhile is asked on.
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
