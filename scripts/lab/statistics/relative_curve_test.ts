/** A curve that is stretched by the wrong ends shows an effect that is not there. */
import assert from "node:assert/strict";
import { relativeCurve } from "./relative_curve.ts";

Deno.test("relativeCurve() runs from the worst mean to the best", () => {
  const curve = relativeCurve([[1, 3], [2, 4], [5, 7]]);
  assert.deepEqual(curve.map(({ value }) => value), [0, 0.25, 1]);
  assert.deepEqual(curve.map(({ count }) => count), [2, 2, 2]);
});

Deno.test("relativeCurve() has intervals where subjects disagree, and none at the ends where they do not", () => {
  const [first, middle, last] = relativeCurve([[0, 0, 0], [1, 5, 9], [10, 10, 10]]);
  assert.deepEqual([first!.low, first!.high, last!.low, last!.high], [0, 0, 1, 1]);
  assert.ok(middle!.low < 0.3 && middle!.high > 0.7);
});

Deno.test("relativeCurve() leaves out who was not scored somewhere, and is 0 where nothing changes", () => {
  const curve = relativeCurve([[1, NaN], [2, 8]]);
  assert.deepEqual(curve.map(({ value, count }) => [value, count]), [[0, 1], [1, 1]]);
  assert.deepEqual(relativeCurve([[4], [4]]).map(({ value }) => value), [0, 0]);
});
