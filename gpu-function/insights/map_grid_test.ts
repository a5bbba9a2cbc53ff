// Width differs from height throughout: a mix-up of the sides would pass on squares.
/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { coarsen, enlarge, type MapGrid, normalize, sumOf } from "./map_grid.ts";

const map = (width: number, height: number, ...data: number[]): MapGrid => ({
  width,
  height,
  data: Float32Array.from(data),
});

Deno.test("enlarge goes linearly from centre to centre and stays level at the border", () => {
  const { width, height, data } = enlarge(map(2, 1, 0, 4), {
    width: 8,
    height: 3,
  });
  assert.deepEqual([width, height], [8, 3]);
  const row = [0, 0, 0.5, 1.5, 2.5, 3.5, 4, 4];
  assert.deepEqual([...data], [...row, ...row, ...row]);
});

Deno.test("enlarge interpolates down as it does across", () => {
  const across = enlarge(map(3, 1, 1, 5, 2), { width: 12, height: 1 });
  const down = enlarge(map(1, 3, 1, 5, 2), { width: 1, height: 12 });
  assert.deepEqual(down.data, across.data);
});

Deno.test("enlarge keeps a plane a plane, and a map of equal size itself", () => {
  const plane = map(3, 2, 0, 1, 2, 10, 11, 12);
  assert.deepEqual(enlarge(plane, { width: 3, height: 2 }), plane);
  const { data } = enlarge(plane, { width: 6, height: 4 });
  assert.equal(data[1 * 6 + 3], 1.25 + 2.5);
});

Deno.test("coarsen takes the mean of whole blocks", () => {
  const fine = map(4, 2, 1, 2, 3, 4, 5, 6, 7, 8);
  assert.deepEqual(coarsen(fine, { width: 2, height: 1 }), map(2, 1, 3.5, 5.5));
  assert.throws(
    () => coarsen(fine, { width: 3, height: 1 }),
    /4x2 has no whole blocks for 3x1/,
  );
});

Deno.test("normalize spans 0 to 1, and makes a constant map 0", () => {
  assert.deepEqual(normalize(map(3, 1, -1, 3, 1)), map(3, 1, 0, 1, 0.5));
  assert.deepEqual(normalize(map(2, 1, 7, 7)), map(2, 1, 0, 0));
});

Deno.test("sumOf adds maps of one size and refuses others", () => {
  assert.deepEqual(sumOf(map(2, 1, 1, 2), map(2, 1, 3, 6)), map(2, 1, 4, 8));
  assert.deepEqual(sumOf(map(2, 1, 1, 2)), map(2, 1, 1, 2));
  assert.throws(
    () => sumOf(map(2, 1, 1, 2), map(1, 2, 1, 2)),
    /2x1 and 1x2 cannot be added/,
  );
});
