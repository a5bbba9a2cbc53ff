/** Scales curves between their own worst and best, as the paper draws them (Figs. 5 to 8). Pure. */
import { average, bootstrapOf, type Estimate } from "./estimate.ts";

/**
 * Returns (current - worst) / (best - worst) of means over subjects; the interval resamples
 * subjects, and with them worst and best.
 * @param curve holds for each place one number per subject; a subject with a NaN is left out
 */
export function relativeCurve(curve: readonly (readonly number[])[]): Estimate[] {
  const subjects = (curve[0] ?? []).map((_, i) => i)
    .filter((i) => curve.every((values) => !Number.isNaN(values[i]!)));
  return curve.map((_, place) =>
    bootstrapOf(subjects.length, (chosen) => {
      const means = curve.map((values) => average(chosen.map((i) => values[subjects[i]!]!)));
      const [worst, best] = [Math.min(...means), Math.max(...means)];
      return best > worst ? (means[place]! - worst) / (best - worst) : 0;
    })
  );
}
