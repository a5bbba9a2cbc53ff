/** Wrong intervals would make noise look like a result. */
import assert from "node:assert/strict";
import {
  average,
  bootstrapOf,
  meanDifferenceOf,
  meanOf,
  quantile,
  shareOf,
  shareOfGroups,
} from "./estimate.ts";

const near = (given: number, expected: number, by = 1e-4) =>
  assert.ok(Math.abs(given - expected) < by, `${given} is not ${expected}`);

const hits = (right: number, count: number) => Array.from({ length: count }, (_, i) => i < right);

// Intervals as `share` of scripts/training/train/evaluation.py gives them.
for (
  const [right, count, low, high] of [
    [8, 10, 0.4902, 0.9433],
    [0, 10, 0, 0.2775],
    [10, 10, 0.7225, 1],
    [0, 500, 0, 0.0076],
    [388, 400, 0.9483, 0.9828],
  ] as const
) {
  Deno.test(`shareOf() gives Wilson's interval of ${right} in ${count}`, () => {
    const share = shareOf(hits(right, count));
    assert.equal(share.value, right / count);
    assert.equal(share.count, count);
    near(share.low, low);
    near(share.high, high);
    assert.ok(share.low >= 0 && share.high <= 1);
  });
}

Deno.test("shareOfGroups(): a group that is all alike counts as one, and none for more than it has", () => {
  const [yes, no] = [[true, true, true, true], [false, false, false, false]];
  const alike = shareOfGroups([yes, no, yes, yes, no]);
  const single = shareOf([true, false, true, true, false]);
  for (const bound of ["low", "value", "high"] as const) near(alike[bound], single[bound], 1e-12);
  assert.equal(alike.count, 20);
  const mixed = [true, false];
  assert.deepEqual(shareOfGroups([mixed, mixed]), shareOf([...mixed, ...mixed]));
  assert.deepEqual(shareOfGroups([yes, yes]), shareOf([...yes, ...yes]));
});

Deno.test("nothing measured is NaN of 0, not a share of 0", () => {
  for (const nothing of [shareOf([]), meanOf([])]) {
    assert.equal(nothing.count, 0);
    assert.ok(Number.isNaN(nothing.value) && Number.isNaN(nothing.low));
  }
});

Deno.test("meanOf() has about the interval of a normal mean, and always the same", () => {
  const values = Array.from({ length: 200 }, (_, i) => (i * 37) % 100);
  const estimate = meanOf(values);
  const deviation = Math.sqrt(average(values.map((value) => (value - estimate.value) ** 2)));
  assert.equal(estimate.value, average(values));
  near((estimate.high - estimate.low) / 2, 1.96 * deviation / Math.sqrt(200), 0.4);
  assert.deepEqual(meanOf(values), estimate);
});

Deno.test("quantile() is linear between ranks, as numpy's", () => {
  assert.equal(quantile([4, 1, 3, 2], 0.25), 1.75);
  assert.equal(quantile([4, 1, 3, 2], 1), 4);
  assert.equal(quantile([5], 0.01), 5);
  assert.ok(Number.isNaN(quantile([], 0.5)));
});

Deno.test("bootstrapOf() resamples subjects, so a statistic of all of them has its interval", () => {
  const values = Array.from({ length: 50 }, (_, i) => i);
  const largest = bootstrapOf(50, (chosen) => Math.max(...chosen.map((i) => values[i]!)));
  assert.equal(largest.value, 49);
  assert.equal(largest.high, 49);
  // P(the largest of 50 draws is below 45) = 0.9^50 = 0.5 %; below 46, 1.5 %; below 47, 4.5 %.
  assert.equal(largest.low, 46);
  assert.equal(bootstrapOf(0, () => 1).count, 0);
});

Deno.test("meanDifferenceOf() is paired and leaves out what was not scored", () => {
  const difference = meanDifferenceOf([5, 101, NaN, 3], [4, 100, 1, NaN]);
  assert.deepEqual({ ...difference }, { value: 1, low: 1, high: 1, count: 2 });
});
