// Hand-made pictures whose edges are known.
/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { CANNY, type EdgeMap, findEdges } from "./canny.ts";
import type { MapGrid } from "./map_grid.ts";

function picture(
  width: number,
  height: number,
  value: (x: number, y: number) => number,
): MapGrid {
  const data = Float32Array.from(
    { length: width * height },
    (_, i) => value(i % width, Math.floor(i / width)),
  );
  return { width, height, data };
}

const drawn = ({ width, data }: EdgeMap) =>
  Array.from(
    { length: data.length / width },
    (_, y) =>
      [...data.subarray(y * width, (y + 1) * width)].map((e) => e ? "#" : ".")
        .join(""),
  );

Deno.test("a step has one line of edges, one pixel wide, from border to border", () => {
  const upright = findEdges(picture(9, 5, (x) => x < 4 ? 0 : 1));
  assert.deepEqual(drawn(upright), new Array(5).fill("...#....."));
  const flat = findEdges(picture(5, 9, (_, y) => y < 4 ? 0 : 1));
  assert.deepEqual(drawn(flat), [
    ...new Array(3).fill("....."),
    "#####",
    ...new Array(5).fill("....."),
  ]);
});

Deno.test("a diagonal step has a diagonal line", () => {
  const edges = findEdges(picture(16, 12, (x, y) => x + y < 13 ? 1 : 0));
  for (let y = 3; y < 9; y++) {
    const xs = [...edges.data.subarray(y * 16, (y + 1) * 16).keys()]
      .filter((x) => edges.data[y * 16 + x] === 1);
    assert.ok(xs.length >= 1 && xs.length <= 2, `row ${y}: ${xs}`);
    for (const x of xs) assert.ok(Math.abs(x + y - 13) <= 1, `row ${y}: ${xs}`);
  }
});

Deno.test("a square has its outline and nothing inside", () => {
  const edges = findEdges(
    picture(20, 16, (x, y) => x >= 5 && x < 14 && y >= 4 && y < 12 ? 1 : 0),
  );
  for (const [i, edge] of edges.data.entries()) {
    const [x, y] = [i % 20, Math.floor(i / 20)];
    const apart = Math.max(Math.abs(x - 9) - 4, Math.abs(y - 7.5) - 3.5);
    if (edge === 1) assert.ok(Math.abs(apart) <= 1.5, `${x}, ${y}`);
  }
  assert.ok(edges.data.reduce((sum, edge) => sum + edge, 0) > 20);
});

Deno.test("neither a constant picture nor rounding in it has edges", () => {
  const tiny = picture(12, 9, (x, y) => 0.5 + 1e-8 * ((x * 7 + y * 5) % 3));
  for (const none of [picture(12, 9, () => 0.3), tiny]) {
    assert.equal(findEdges(none).data.reduce((sum, edge) => sum + edge, 0), 0);
  }
});

Deno.test("contrast and brightness of the whole picture change nothing", () => {
  const shape = (x: number, y: number) => Math.hypot(x - 8, y - 6) < 4 ? 0.8 : 0.1 + 0.01 * x;
  const edges = findEdges(picture(18, 13, shape));
  assert.deepEqual(
    findEdges(picture(18, 13, (x, y) => 0.05 * shape(x, y) + 0.4)),
    edges,
  );
  assert.ok(edges.data.includes(1));
});

/** A line of falling strength: 1 at the top, to `end` at the bottom. */
const fading = (end: number) => picture(16, 24, (x, y) => x < 8 ? 0 : 1 - (1 - end) * y / 23);

Deno.test("a weak edge stays where it hangs on a strong one, above the low threshold", () => {
  const rows = (map: MapGrid) => drawn(findEdges(map)).map((row) => row.slice(7, 9).includes("#"));
  assert.ok(rows(fading(0.14)).every(Boolean));
  assert.equal(rows(fading(0.02)).at(-1), false);
  // Apart from the strong edge the same weak one is dropped.
  const weak = picture(40, 12, (x) => (x < 8 ? 0 : 1) + (x < 30 ? 0 : 0.14));
  const edges = findEdges(weak);
  assert.ok(
    drawn(edges).every((row) => row.indexOf("#") === 7 && row.lastIndexOf("#") === 7),
  );
  const kept = findEdges(weak, { ...CANNY, high: 0.13 });
  assert.ok(drawn(kept).every((row) => row.lastIndexOf("#") === 29));
});
