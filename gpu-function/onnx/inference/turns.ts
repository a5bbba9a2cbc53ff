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
      const start = performance.now();
      const value = await run();
      return { value, milliseconds: performance.now() - start };
    });
    this.#others = mine.catch(() => {}); // whoever asked for the run hears of its failure
    return mine;
  }
}
