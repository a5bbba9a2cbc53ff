/** A window covers steps at either end of a run, and a grid draws it at several lengths. */
import type { MeasuredGrid } from "./drawn_grid.ts";
import { gridTable, type Place } from "./grid_figures.ts";
import type { ResultTable } from "../report/findings.ts";

export const STEP_WINDOWS = ["first", "last"] as const;
/** `first` covers the steps from the noise on, `last` those up to the image. */
export type StepWindow = (typeof STEP_WINDOWS)[number];

/** Names the condition whose window has k steps. */
export function windowLabel(window: StepWindow, k: number): string {
  return `${window} ${k}`;
}

/** Places the condition of each length at its k. */
export function windowPlaces(window: StepWindow, lengths: readonly number[]): Place[] {
  return lengths.map((k) => ({ x: k, condition: windowLabel(window, k) }));
}

export function windowTable(
  grid: Pick<MeasuredGrid<unknown>, "mean" | "values">,
  metrics: readonly string[],
  { title, window, lengths }: {
    readonly title: string;
    readonly window: StepWindow;
    readonly lengths: readonly number[];
  },
): ResultTable {
  const rows = windowPlaces(window, lengths).map(({ x, condition }) => ({
    label: String(x),
    condition,
  }));
  return gridTable(grid, { title, metrics, rows, before: ["k"] });
}
