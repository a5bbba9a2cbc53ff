/** Shows estimates to a reader: value, 95 % interval, count. */
import type { Estimate } from "../statistics/estimate.ts";

/** Returns a text such as `93.2 % (91.0 to 95.1, n = 800)`. */
export function showShare({ value, low, high, count }: Estimate): string {
  if (count === 0) return "nothing to measure (n = 0)";
  const percent = (share: number) => (100 * share).toFixed(1);
  return `${percent(value)} % (${percent(low)} to ${percent(high)}, n = ${count})`;
}

/** Returns a text such as `0.512 (0.430 to 0.601, n = 8)`. */
export function showNumber({ value, low, high, count }: Estimate, digits = 3): string {
  if (count === 0) return "nothing to measure (n = 0)";
  const [middle, from, to] = [value, low, high].map((number) => number.toFixed(digits));
  return `${middle} (${from} to ${to}, n = ${count})`;
}
