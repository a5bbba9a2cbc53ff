/** The weight that each class of tokens gets (paper, Fig. 3). */

export interface ClassShares {
  readonly sos: number;
  readonly semantic: number;
  /** The first [EOS] and the padding after it, as the paper counts. */
  readonly eos: number;
}

/** @param shares per position, with the class of each position. Classes sum to what the shares sum to. */
export function sumByClass(
  shares: readonly number[],
  classes: readonly ("sos" | "semantic" | "eos" | "padding")[],
): ClassShares {
  if (shares.length !== classes.length) {
    throw new RangeError(
      `${shares.length} shares cannot have ${classes.length} classes`,
    );
  }
  const sums = { sos: 0, semantic: 0, eos: 0 };
  for (const [position, share] of shares.entries()) {
    const kind = classes[position]!;
    sums[kind === "padding" ? "eos" : kind] += share;
  }
  return sums;
}
