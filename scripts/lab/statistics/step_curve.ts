/** One number for each step of many runs. Pure. */
import { average, type Estimate, meanOf } from "./estimate.ts";

/** [subject][step]; NaN where a step has none. */
export type StepValues = readonly (readonly number[])[];

/** The mean over the seeds of one subject in each step, without runs that have no number. */
export function meanOverSeeds(runs: StepValues): number[] {
  return (runs[0] ?? []).map((_, step) =>
    average(runs.map((run) => run[step]!).filter((value) => !Number.isNaN(value)))
  );
}

/** A curve over the steps, as charts take it. */
export function stepPoints(curve: readonly Estimate[]) {
  return curve.map((y, x) => ({ x, y }));
}

/** In each step the mean over subjects. */
export function stepCurve(values: StepValues): Estimate[] {
  return (values[0] ?? []).map((_, step) =>
    meanOf(values.map((run) => run[step]!).filter((value) => !Number.isNaN(value)))
  );
}
