/** Measures how far apart images or embeddings are. Pure arithmetic. */

export type Values = Float32Array | Uint8Array;
export type Distance = (a: Values, b: Values) => number;

function requireEqualLength(a: Values, b: Values): void {
  if (a.length === b.length) return;
  throw new RangeError(`Rows of ${a.length} and ${b.length} values have no distance`);
}

/** Returns the root of the mean squared difference of two equally long rows of values. */
export function rootMeanSquare(a: Values, b: Values): number {
  requireEqualLength(a, b);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(sum / a.length);
}

/** Returns the mean absolute difference: the paper's L1-distance (section 6), per value. */
export function meanAbsolute(a: Values, b: Values): number {
  requireEqualLength(a, b);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
}

export function cosine(a: Values, b: Values): number {
  let dot = 0, aa = 0, bb = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    aa += a[i]! * a[i]!;
    bb += b[i]! * b[i]!;
  }
  return dot / Math.sqrt(aa * bb);
}

/** Returns 1 - cosine. */
export function embeddingDistance(a: Values, b: Values): number {
  return 1 - cosine(a, b);
}

/** Returns the mean over all unordered pairs; NaN for fewer than two items. */
export function meanPairwise(items: readonly Values[], distance: Distance): number {
  let sum = 0, pairs = 0;
  for (const [i, a] of items.entries()) {
    for (const b of items.slice(i + 1)) {
      sum += distance(a, b);
      pairs += 1;
    }
  }
  return sum / pairs;
}

export interface Neighbour {
  readonly index: number;
  readonly distance: number;
}

/** Returns the first of the nearest items; index -1 if there is none. */
export function nearestOf(item: Values, items: readonly Values[], distance: Distance): Neighbour {
  let nearest: Neighbour = { index: -1, distance: Infinity };
  for (const [index, other] of items.entries()) {
    const candidate = distance(item, other);
    if (candidate < nearest.distance) nearest = { index, distance: candidate };
  }
  return nearest;
}
