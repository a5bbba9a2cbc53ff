/** Runs that wait for one another, first come first served, and the time of each without its wait. */

/** A value with the time that was spent inside onnxruntime to get it. */
export interface Timed<T> {
  readonly value: T;
  readonly milliseconds: number;
}

export class Turns {
  #others: Promise<unknown> = Promise.resolve();

  /** Rejects with what `run` throws; the next turn comes all the same. */
  take<T>(run: () => Promise<T>): Promise<Timed<T>> {
    const mine = this.#others.then(async () => {
      const breath = letEventsIn();
      const start = performance.now();
      const value = await run();
      const milliseconds = performance.now() - start;
      await breath;
      return { value, milliseconds };
    });
    this.#others = mine.catch(() => {}); // whoever asked for the run hears of its failure
    return mine;
  }
}

/**
 * onnxruntime-node computes on the main thread from a setImmediate, and a chain of those never lets
 * sockets be read or written: streams would stall and cancels wait for the end. A timer set before the
 * run is due after it, so waiting for it costs no time but a turn of the event loop.
 */
function letEventsIn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
