/** Averages one number for each step over many runs. Pure. */
import { average, type Estimate, meanOf } from "./estimate.ts";

/** Values by [subject][step]; NaN where a step has none. */
export type StepValues = readonly (readonly number[])[];

/** Returns a subject's mean over seeds in each step, without runs that have no number there. */
export function meanOverSeeds(runs: StepValues): number[] {
  return (runs[0] ?? []).map((_, step) =>
    average(runs.map((run) => run[step]!).filter((value) => !Number.isNaN(value)))
  );
}

/** Makes a curve over the steps for charts. */
export function stepPoints(curve: readonly Estimate[]) {
  return curve.map((y, x) => ({ x, y }));
}

/** Returns the mean over subjects in each step. */
export function stepCurve(values: StepValues): Estimate[] {
  return (values[0] ?? []).map((_, step) =>
    meanOf(values.map((run) => run[step]!).filter((value) => !Number.isNaN(value)))
  );
}
