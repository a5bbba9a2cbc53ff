/** A window of steps at either end of a run, which a grid draws at several lengths. */
import type { MeasuredGrid } from "./drawn_grid.ts";
import type { ResultTable } from "../report/findings.ts";

export const STEP_WINDOWS = ["first", "last"] as const;
/** `first` the steps from the noise on, `last` those up to the image. */
export type StepWindow = (typeof STEP_WINDOWS)[number];

/** Of the condition whose window has k steps. */
export function windowLabel(window: StepWindow, k: number): string {
  return `${window} ${k}`;
}

export function windowTable<Subject>(
  grid: MeasuredGrid<Subject>,
  metrics: readonly string[],
  { title, window, lengths }: {
    readonly title: string;
    readonly window: StepWindow;
    readonly lengths: readonly number[];
  },
): ResultTable {
  return {
    title,
    columns: ["k", ...metrics],
    rows: lengths.map((k) => ({
      label: String(k),
      cells: metrics.map((name) => grid.mean(name, windowLabel(window, k))),
    })),
  };
}
