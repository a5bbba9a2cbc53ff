/** What comes before and after the guided steps. */

/**
 * The noise prediction where a step is not guided (paper, eq. 9): `null` the empty prompt alone, `cond`
 * the prompt alone, `delta` the empty prompt alone and, added to it, what guidance added last.
 */
export const TAILS = ["null", "cond", "delta"] as const;
export type Tail = (typeof TAILS)[number];
/** Before any guidance there is nothing that could be added again. */
export const HEADS = ["null", "cond"] as const;
export type Head = (typeof HEADS)[number];
