/** Makes tables and charts of what a grid has measured. */
import type { Estimate } from "../statistics/estimate.ts";
import { relativeCurve } from "../statistics/relative_curve.ts";
import type { ResultChart, ResultRow, ResultTable } from "../report/findings.ts";
import type { MeasuredGrid } from "./drawn_grid.ts";

type Grid = Pick<MeasuredGrid<unknown>, "mean" | "values">;

export interface GridRow {
  readonly label: string;
  /** Condition of the row; the label by default. */
  readonly condition?: string;
  /** Cells before those of the metrics; `after` holds those that follow. */
  readonly before?: ResultRow["cells"];
  readonly after?: ResultRow["cells"];
}

/** Makes a row for each condition, with the mean of each metric. */
export function gridTable(
  grid: Grid,
  { title, metrics, rows, before = [""], after = [] }: {
    readonly title: string;
    readonly metrics: readonly string[];
    readonly rows: readonly GridRow[];
    /** Columns before those of the metrics, the label's first; `after` holds those that follow. */
    readonly before?: readonly string[];
    readonly after?: readonly string[];
  },
): ResultTable {
  return {
    title,
    columns: [...before, ...metrics, ...after],
    rows: rows.map(({ label, condition = label, before = [], after = [] }) => ({
      label,
      cells: [...before, ...metrics.map((name) => grid.mean(name, condition)), ...after],
    })),
  };
}

/** Makes a chart for each name, `<file>_1.svg` and so on, with a row for each condition. */
export function rowCharts(
  grid: Grid,
  { file, names, titleOf, sides, conditions }: {
    readonly file: string;
    readonly names: readonly string[];
    readonly titleOf: (name: string) => string;
    /** Each name has a metric for each side. */
    readonly sides: readonly string[];
    readonly conditions: readonly string[];
  },
): ResultChart[] {
  return names.map((name, i) => ({
    file: `${file}_${i + 1}.svg`,
    kind: "rows",
    chart: {
      title: titleOf(name),
      x: "",
      y: name,
      series: sides.map((side) => ({
        name: side,
        points: conditions.map((x) => ({ x, y: grid.mean(`${name}, ${side}`, x) })),
      })),
    },
  }));
}

export interface Place {
  readonly x: number;
  readonly condition: string;
}

/**
 * Scales means between the worst and the best along the curve.
 * @param sign -1 where the least is the best
 */
export function relativePoints(
  grid: Grid,
  metric: string,
  places: readonly Place[],
  sign = 1,
): { readonly x: number; readonly y: Estimate }[] {
  const values = places.map(({ condition }) =>
    grid.values(metric, condition).map((value) => sign * value)
  );
  const curve = relativeCurve(values);
  return places.map(({ x }, i) => ({ x, y: curve[i]! }));
}
