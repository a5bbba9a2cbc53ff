// Scores from pictures whose agreement is known, and the step where they pass a level.
/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { firstAbove, trackConvergence } from "./convergence.ts";
import { edgeF1Against } from "./edge_agreement.ts";
import type { EdgeMap } from "./canny.ts";
import type { MapGrid } from "./map_grid.ts";

const edgeF1 = (found: EdgeMap, wanted: EdgeMap, tolerance: number) =>
  edgeF1Against(wanted, tolerance)(found);

const edges = (...rows: string[]) => ({
  width: rows[0]!.length,
  height: rows.length,
  data: Uint8Array.from(rows.join(""), (c) => c === "#" ? 1 : 0),
});

Deno.test("F1 of equal edges is 1, of none 0", () => {
  const some = edges("..#.", "..#.", "..#.");
  assert.equal(edgeF1(some, some, 0), 1);
  const none = edges("....", "....", "....");
  assert.deepEqual([
    edgeF1(some, none, 1),
    edgeF1(none, some, 1),
    edgeF1(none, none, 1),
  ], [
    0,
    0,
    0,
  ]);
});

Deno.test("F1 is the harmonic mean of precision and recall", () => {
  const found = edges("#.#.#", ".....");
  const wanted = edges("#....", "#...#");
  // One of three found is right, one of three wanted is found.
  assert.equal(edgeF1(found, wanted, 0), 1 / 3);
  // Two of the ten pixels found are wanted, and no others are.
  const many = edges("##########");
  const two = edges("#...#.....");
  assert.ok(Math.abs(edgeF1(many, two, 0) - 2 * 0.2 / 1.2) < 1e-12);
  assert.equal(edgeF1(many, two, 0), edgeF1(two, many, 0));
});

Deno.test("edges within the tolerance agree, along both sides, and do not reach round the border", () => {
  const left = edges("#....", ".....", ".....");
  const at = (x: number, y: number) => {
    const rows = ["", "", ""].map((_, row) =>
      ".....".split("").map((c, i) => row === y && i === x ? "#" : c).join("")
    );
    return edges(...rows);
  };
  assert.equal(edgeF1(left, at(1, 1), 1), 1);
  assert.equal(edgeF1(left, at(2, 0), 1), 0);
  assert.equal(edgeF1(left, at(0, 2), 1), 0);
  assert.equal(edgeF1(left, at(2, 2), 2), 1);
  assert.equal(edgeF1(left, at(4, 0), 1), 0);
});

const IMAGE = { width: 128, height: 64 };

/** A disc on a grid or image, in parts of the height. */
function disc(
  { width, height }: { width: number; height: number },
  at: number,
  radius: number,
) {
  const data = Float32Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [
      (i % width + 0.5) / height,
      (Math.floor(i / width) + 0.5) / height,
    ];
    return Math.hypot(x - at, y - 0.5) < radius ? 1 : 0.1;
  });
  return { width, height, data } satisfies MapGrid;
}

const GRID = { width: 32, height: 16 };

Deno.test("agreement is relative to the last step, and grows as maps find the shape", () => {
  const tracker = trackConvergence(IMAGE);
  for (
    const [at, radius] of [[1.7, 0.1], [1.3, 0.2], [1, 0.3], [1, 0.3]] as const
  ) {
    tracker.add([disc(GRID, at, radius)]);
  }
  const { relative_f1, reached, level } = tracker.finish(disc(IMAGE, 1, 0.3), 0.9);
  const [first = NaN, second = NaN, third, last] = relative_f1;
  assert.ok(
    first! < 0.2 && second! > first! && second! < 0.8,
    `${relative_f1}`,
  );
  assert.deepEqual([third, last], [1, 1]);
  assert.deepEqual([reached, level], [2, 0.9]);
});

Deno.test("tokens are averaged, those that never agree with the image are left out", () => {
  const tracker = trackConvergence(IMAGE);
  const nowhere: MapGrid = { ...GRID, data: new Float32Array(512).fill(0.3) };
  tracker.add([disc(GRID, 1.7, 0.1), disc(GRID, 1, 0.3), nowhere]);
  tracker.add([disc(GRID, 1, 0.3), disc(GRID, 1, 0.3), nowhere]);
  const { relative_f1 } = tracker.finish(disc(IMAGE, 1, 0.3), 0.9);
  assert.ok(relative_f1[0]! >= 0.5 && relative_f1[0]! < 0.6, `${relative_f1}`);
  assert.equal(relative_f1[1], 1);
});

Deno.test("where no map agrees at all there is no convergence", () => {
  const tracker = trackConvergence(IMAGE);
  const flat: MapGrid = { ...GRID, data: new Float32Array(512) };
  tracker.add([flat]);
  assert.deepEqual(tracker.finish(disc(IMAGE, 1, 0.3), 0.5), {
    relative_f1: [null],
    level: 0.5,
    reached: null,
  });
  assert.deepEqual(trackConvergence(IMAGE).finish(disc(IMAGE, 1, 0.3), 0.9), {
    relative_f1: [],
    level: 0.9,
    reached: null,
  });
});

Deno.test("a level is passed at the first step after which nothing falls below it", () => {
  assert.equal(firstAbove([0.1, 0.95, 0.5, 0.9, 1], 0.9), 3);
  assert.equal(firstAbove([0.9, 1], 0.9), 0);
  assert.equal(firstAbove([1, 0.2], 0.9), null);
  assert.equal(firstAbove([null, 1], 0.9), 1);
  assert.equal(firstAbove([], 0.9), null);
});
