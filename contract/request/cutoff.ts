/** What comes before and after the guided steps. */

/**
 * How the noise is predicted in an unguided step (paper, eq. 9): `null` with the empty prompt,
 * `cond` with the prompt, `delta` with the empty prompt, plus what guidance added last.
 */
export const TAILS = ["null", "cond", "delta"] as const;
export type Tail = (typeof TAILS)[number];
/** A head has no `delta`, since guidance has added nothing before it. */
export const HEADS = ["null", "cond"] as const;
export type Head = (typeof HEADS)[number];
