/** A statement about all inputs, tried on as many as asked for. */

export interface Property {
  readonly name: string;
  /** Throws with the smallest input that it does not hold for, and the seed that finds it again. */
  check(parameters: { readonly numRuns: number; readonly seed: number }): Promise<void>;
}
