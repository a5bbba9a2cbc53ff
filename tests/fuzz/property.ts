/** A statement about all inputs, tried on `numRuns` of them. */

export interface Property {
  readonly name: string;
  /** Throws with the smallest input that it does not hold for, and the seed that finds it again. */
  check(parameters: { readonly numRuns: number; readonly seed: number }): Promise<void>;
}
