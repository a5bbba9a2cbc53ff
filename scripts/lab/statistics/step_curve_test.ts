/** A value in the wrong step, or a missing value that counts, bends every curve. */
import assert from "node:assert/strict";
import { meanOverSeeds, stepCurve } from "./step_curve.ts";

Deno.test("meanOverSeeds() averages each step over the seeds that have it", () => {
  assert.deepEqual(meanOverSeeds([[1, NaN, NaN], [3, 5, NaN]]), [2, 5, NaN]);
  assert.deepEqual(meanOverSeeds([]), []);
});

Deno.test("stepCurve() is the mean of each step over the subjects that have it", () => {
  const curve = stepCurve([[1, 4], [3, NaN]]);
  assert.deepEqual(curve.map(({ value, count }) => [value, count]), [[2, 2], [4, 1]]);
  assert.equal(stepCurve([[NaN]])[0]!.count, 0);
});
