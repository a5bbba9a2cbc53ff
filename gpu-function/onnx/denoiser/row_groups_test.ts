// Too many rows in one run of the graph take more memory than the machine has.
import assert from "node:assert/strict";
import { groupRows, rowsTogether } from "./row_groups.ts";

const row = (timestep: number, height: number, width = height) => ({
  x: { shape: [4, height, width] },
  timestep,
});
const indicesOf = (rows: Parameters<typeof groupRows>[0], perRow: boolean, rowsMax: number) =>
  groupRows(rows, { perRow, rowsMax }).map((group) => group.map(({ index }) => index));

Deno.test("rowsTogether() stays under 4,096 places and the given number, and takes one at least", () => {
  const most = [8, 16, 32, 33, 64, 128].map((side) => rowsTogether(row(0, side), 16));
  assert.deepEqual(most, [16, 16, 4, 3, 1, 1]);
  assert.deepEqual([rowsTogether(row(0, 64, 32), 16), rowsTogether(row(0, 8), 2)], [2, 2]);
});

Deno.test("groupRows() splits rows by number, and by timestep where the graph takes one for all", () => {
  const rows = [row(1, 32), row(2, 32), row(1, 32), row(1, 32), row(1, 32), row(1, 32)];
  assert.deepEqual(indicesOf(rows, true, 16), [[0, 1, 2, 3], [4, 5]]);
  assert.deepEqual(indicesOf(rows, false, 16), [[0, 2, 3, 4], [5], [1]]);
  assert.deepEqual(indicesOf(rows, true, 1), [[0], [1], [2], [3], [4], [5]]);
});
