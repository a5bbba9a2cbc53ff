/** Estimates a number with its 95 % interval. Pure arithmetic. */
import { seededDraws } from "./seeded_draws.ts";

export interface Estimate {
  /** Measured number; it and the bounds are NaN when there was nothing to measure. */
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

const NOTHING: Estimate = { value: NaN, low: NaN, high: NaN, count: 0 };
const Z = 1.96;
const RESAMPLES = 2000;
const BOOTSTRAP_SEED = 2026;

/** Returns a share with Wilson's score interval, which stays inside 0 .. 1 near either end. */
export function shareOf(hits: readonly boolean[]): Estimate {
  return shareOfGroups(hits.map((hit) => [hit]));
}

/**
 * Returns the share of hits in groups that resemble each other, such as a prompt's images. The
 * interval is Wilson's for the number of hits over the design effect (Kish), which is 1 where each
 * is a group of its own. `count` stays the number of hits.
 */
export function shareOfGroups(groups: readonly (readonly boolean[])[]): Estimate {
  const hits = groups.flat();
  if (hits.length === 0) return NOTHING;
  const value = hits.filter((hit) => hit).length / hits.length;
  let together = 0;
  for (const group of groups) {
    const deviations = group.map((hit) => Number(hit) - value);
    const squares = deviations.map((deviation) => deviation ** 2);
    together += sum(deviations) ** 2 - sum(squares);
  }
  // Hits that are all alike do not show how much groups resemble each other.
  const variance = hits.length * value * (1 - value);
  const designEffect = variance === 0 ? 1 : 1 + Math.max(0, together / variance);
  return { ...wilson(value, hits.length / designEffect), count: hits.length };
}

function wilson(value: number, count: number) {
  const middle = (value + Z * Z / (2 * count)) / (1 + Z * Z / count);
  const reach = Z / (1 + Z * Z / count) *
    Math.sqrt(value * (1 - value) / count + Z * Z / (4 * count * count));
  // At 0 and at 1, rounding alone could lead slightly outside.
  return { value, low: Math.max(0, middle - reach), high: Math.min(1, middle + reach) };
}

/** Returns a mean with the percentile bootstrap's interval, which equal values repeat. */
export function meanOf(values: readonly number[]): Estimate {
  return bootstrapOf(values.length, (chosen) => average(chosen.map((index) => values[index]!)));
}

/** Returns the mean difference of pairs; a pair with an unscored value (NaN) is left out. */
export function meanDifferenceOf(a: readonly number[], b: readonly number[]): Estimate {
  return meanOf(a.map((value, i) => value - b[i]!).filter((value) => !Number.isNaN(value)));
}

/**
 * Estimates a statistic of `count` subjects by percentile bootstrap (2000 resamples, one seed).
 * @param statistic takes the indices of the subjects chosen, with repeats
 */
export function bootstrapOf(
  count: number,
  statistic: (chosen: readonly number[]) => number,
): Estimate {
  if (count === 0) return NOTHING;
  const draws = seededDraws(BOOTSTRAP_SEED);
  const all = Array.from({ length: count }, (_, i) => i);
  const resampled = Array.from(
    { length: RESAMPLES },
    () => statistic(all.map(() => draws.below(count))),
  );
  return {
    value: statistic(all),
    low: quantile(resampled, 0.025),
    high: quantile(resampled, 0.975),
    count,
  };
}

export function average(values: readonly number[]): number {
  return sum(values) / values.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Interpolates linearly between the two nearest ranks, like numpy; NaN if there is no value. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = share * (sorted.length - 1);
  const below = sorted[Math.floor(rank)] ?? NaN;
  const above = sorted[Math.ceil(rank)] ?? NaN;
  return below + (above - below) * (rank - Math.floor(rank));
}
