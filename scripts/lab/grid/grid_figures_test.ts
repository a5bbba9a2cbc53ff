/** A mean in the wrong column or row would be read as another condition's. */
import assert from "node:assert/strict";
import { meanOf } from "../statistics/estimate.ts";
import { gridTable, relativePoints, rowCharts } from "./grid_figures.ts";

const VALUES: Readonly<Record<string, number[]>> = {
  "m, few": [1, 1],
  "m, many": [3, 3],
  "n, few": [5, 5],
  "n, many": [9, 9],
};
const values = (metric: string, condition: string) => VALUES[`${metric}, ${condition}`] ?? [];
const grid = { values, mean: (m: string, c: string) => meanOf(values(m, c)) };

Deno.test("gridTable() puts a row's own cells around the means of its condition", () => {
  const { columns, rows } = gridTable(grid, {
    title: "T",
    metrics: ["n", "m"],
    before: ["k", "first"],
    after: ["last"],
    rows: [
      { label: "few", before: ["a"], after: ["b"] },
      { label: "2", condition: "many", before: ["c"], after: ["d"] },
    ],
  });
  assert.deepEqual(columns, ["k", "first", "n", "m", "last"]);
  assert.deepEqual(
    rows.map(({ label, cells }) => [
      label,
      ...cells.map((cell) => typeof cell === "string" ? cell : cell.value),
    ]),
    [["few", "a", 5, 1, "b"], ["2", "c", 9, 3, "d"]],
  );
});

Deno.test("rowCharts() has a chart for each name, with a series for each side", () => {
  const [chart, ...more] = rowCharts(grid, {
    file: "f",
    names: ["a"],
    titleOf: (name) => `of ${name}`,
    sides: ["left", "right"],
    conditions: ["few"],
  });
  assert.equal(more.length, 0);
  assert(chart?.kind === "rows");
  assert.deepEqual([chart.file, chart.chart.title], ["f_1.svg", "of a"]);
  assert.deepEqual(chart.chart.series.map(({ name }) => name), ["left", "right"]);
});

Deno.test("relativePoints() runs from the worst, 0, to the best, 1, whichever sign is the better one", () => {
  const places = [{ x: 2, condition: "few" }, { x: 7, condition: "many" }];
  const points = (sign?: number) =>
    relativePoints(grid, "m", places, sign).map(({ x, y }) => [x, y.value]);
  assert.deepEqual(points(), [[2, 0], [7, 1]]);
  assert.deepEqual(points(-1), [[2, 1], [7, 0]]);
});
