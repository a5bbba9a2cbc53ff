/**
 * Remembers whether the store takes what is written: a full disk still answers every question. Held
 * by the process, which on workerd is an isolate.
 */
import type { Results } from "../../db/result_queries.ts";

export class WriteHealth {
  #failing = false;

  /** The last result that was to be stored could not be. */
  get failing(): boolean {
    return this.#failing;
  }

  watch(results: Results): Results {
    return {
      ...results,
      write: async (result) => {
        try {
          const outcome = await results.write(result);
          // A result that was there already has written nothing.
          if (outcome === "stored") this.#failing = false;
          return outcome;
        } catch (cause) {
          this.#failing = true;
          throw cause;
        }
      },
    };
  }
}
