/** Variety and near copies are measured by these distances alone. */
import assert from "node:assert/strict";
import {
  cosine,
  embeddingDistance,
  meanAbsolute,
  meanPairwise,
  nearestOf,
  rootMeanSquare,
} from "./distance.ts";

const row = (...values: number[]) => Float32Array.from(values);

Deno.test("rootMeanSquare() is the root of the mean, also of bytes", () => {
  assert.equal(rootMeanSquare(row(0, 0, 0, 0), row(2, 2, 4, 0)), Math.sqrt(6));
  assert.equal(rootMeanSquare(Uint8Array.of(0, 255), Uint8Array.of(255, 0)), 255);
  assert.throws(() => rootMeanSquare(row(1), row(1, 2)), /1 and 2 values/);
});

Deno.test("cosine() does not depend on lengths", () => {
  assert.equal(cosine(row(3, 0), row(5, 0)), 1);
  assert.equal(cosine(row(3, 0), row(0, 2)), 0);
  assert.equal(embeddingDistance(row(1, 0), row(-4, 0)), 2);
});

Deno.test("meanPairwise() counts every pair once", () => {
  // The distances are 1, 3 and 2.
  assert.equal(meanPairwise([row(0), row(1), row(3)], rootMeanSquare), 2);
  assert.ok(Number.isNaN(meanPairwise([row(0)], rootMeanSquare)));
});

Deno.test("nearestOf() is the first of the nearest", () => {
  const found = nearestOf(row(2), [row(9), row(3), row(1)], rootMeanSquare);
  assert.deepEqual(found, { index: 1, distance: 1 });
  assert.equal(nearestOf(row(2), [], rootMeanSquare).index, -1);
});

Deno.test("meanAbsolute() counts both directions alike", () => {
  assert.equal(meanAbsolute(Uint8Array.of(0, 255, 9), Uint8Array.of(255, 0, 9)), 170);
  assert.throws(() => meanAbsolute(row(1), row(1, 2)), /1 and 2 values/);
});
