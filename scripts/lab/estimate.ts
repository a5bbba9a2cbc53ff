/** A measured number with its 95 % interval. Pure arithmetic. */
import { seededDraws } from "./seeded_draws.ts";

export interface Estimate {
  /** NaN, as are the bounds, when there was nothing to measure. */
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

const NOTHING: Estimate = { value: NaN, low: NaN, high: NaN, count: 0 };
const Z = 1.96;
const RESAMPLES = 2000;
const BOOTSTRAP_SEED = 2026;

/** A share with Wilson's score interval, which stays inside 0 .. 1 near either end. */
export function shareOf(hits: readonly boolean[]): Estimate {
  const count = hits.length;
  if (count === 0) return NOTHING;
  const value = hits.filter((hit) => hit).length / count;
  const middle = (value + Z * Z / (2 * count)) / (1 + Z * Z / count);
  const reach = Z / (1 + Z * Z / count) *
    Math.sqrt(value * (1 - value) / count + Z * Z / (4 * count * count));
  // At 0 and at 1 rounding alone would lead a hair's breadth outside.
  return { value, low: Math.max(0, middle - reach), high: Math.min(1, middle + reach), count };
}

/** A mean with the percentile bootstrap's interval; the same values always give the same one. */
export function meanOf(values: readonly number[]): Estimate {
  const count = values.length;
  if (count === 0) return NOTHING;
  const draws = seededDraws(BOOTSTRAP_SEED);
  const means = Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += values[draws.below(count)]!;
    return sum / count;
  });
  const value = average(values);
  return { value, low: quantile(means, 0.025), high: quantile(means, 0.975), count };
}

export function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Linear between the two nearest ranks, as numpy's default; NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = share * (sorted.length - 1);
  const below = sorted[Math.floor(rank)] ?? NaN;
  const above = sorted[Math.ceil(rank)] ?? NaN;
  return below + (above - below) * (rank - Math.floor(rank));
}
