// Rows would wait for a batch that takes longer than they would alone.
import assert from "node:assert/strict";
import fc from "fast-check";
import { BatchProfile, LONGEST_PAUSE, TRIES } from "./batch_profile.ts";

type Cost = (rows: number) => number;

const upTo = (rows: number) => Array.from({ length: rows }, (_, i) => i + 1);

function measure(profile: BatchProfile, rows: number, milliseconds: number, key = "k") {
  profile.record(key, { taken: rows, evaluated: rows, milliseconds });
}

/** Runs `count` batches as the profile chooses. @returns their sizes */
function runBatches(profile: BatchProfile, sizes: readonly number[], cost: Cost, count: number) {
  return Array.from({ length: count }, () => {
    const size = profile.choose("k", sizes);
    measure(profile, size, cost(size));
    return size;
  });
}

/** A profile that has tried each of the sizes, and what it then chooses. */
function chosenAfterTrials(sizes: readonly number[], cost: Cost): number {
  const profile = new BatchProfile();
  runBatches(profile, sizes, cost, TRIES * sizes.length);
  return profile.choose("k", sizes);
}

Deno.test("sizes near powers of two are tried, the largest first, each so often and no more", () => {
  const sizes = runBatches(new BatchProfile(), upTo(11), (rows) => 1 + rows, 5 * TRIES + 3);
  const expected = [11, 8, 4, 2, 1].flatMap((size) => new Array<number>(TRIES).fill(size));
  assert.deepEqual(sizes, [...expected, 11, 11, 11]);
  const pairs = runBatches(new BatchProfile(), [1, 3, 5, 7], (rows) => 1 + rows, 3 * TRIES);
  assert.deepEqual([...new Set(pairs)], [7, 3, 1]);
});

Deno.test("the largest size is chosen that is not clearly slower, row for row", () => {
  const sizes = [1, 2, 4, 8, 16];
  assert.equal(chosenAfterTrials(sizes, (rows) => 5 + rows), 16);
  assert.equal(chosenAfterTrials(sizes, (rows) => 3 * rows), 16);
  assert.equal(chosenAfterTrials(sizes, (rows) => rows ** 1.2), 1);
  // Beyond four rows a cache overflows.
  assert.equal(chosenAfterTrials(sizes, (rows) => rows <= 4 ? 5 + rows : 5 * rows), 4);
  const slower = (part: number): Cost => (rows) => rows === 16 ? 16 * (1 + part) : rows;
  assert.equal(chosenAfterTrials(sizes, slower(0.04)), 16);
  assert.equal(chosenAfterTrials(sizes, slower(0.07)), 8);
});

Deno.test("a size is compared with those that could be taken in its place, and with no others", () => {
  const profile = new BatchProfile();
  const cost: Cost = (rows) => rows === 1 ? 1 : 4 + 2 * rows;
  runBatches(profile, [1, 2, 4], cost, 3 * TRIES);
  assert.equal(profile.choose("k", [1, 2, 4]), 1);
  // The first entry has two rows, which stay together.
  assert.equal(profile.choose("k", [2, 4]), 4);
});

Deno.test("batches that took far too long or failed do not condemn their size, unless nearly all do", () => {
  for (const wrong of [1e6, Infinity]) {
    const profile = new BatchProfile();
    runBatches(profile, [1, 2], (rows) => 5 + rows, 2 * TRIES);
    for (let times = 1; times < 15; times++) {
      measure(profile, 2, wrong);
      measure(profile, 1, 6);
      assert.equal(profile.choose("k", [1, 2]), 2, `${times} times ${wrong} ms`);
    }
    measure(profile, 2, wrong);
    assert.equal(profile.choose("k", [1, 2]), 1);
  }
});

Deno.test("one batch that seemed to take no time at all does not crown its size", () => {
  const profile = new BatchProfile();
  runBatches(profile, [1, 2], (rows) => rows ** 2, 2 * TRIES);
  measure(profile, 2, 0);
  assert.equal(profile.choose("k", [1, 2]), 1);
});

Deno.test("a size that lost is tried again after ever longer pauses, and wins when it has become fast", () => {
  const profile = new BatchProfile();
  runBatches(profile, [1, 2], (rows) => rows ** 2, 2 * TRIES);
  const slow = runBatches(profile, [1, 2], (rows) => rows ** 2, 4 * LONGEST_PAUSE);
  const tries = slow.flatMap((size, batch) => size === 2 ? [batch] : []);
  const pauses = tries.map((batch, i) => batch - (tries[i - 1] ?? -1 - TRIES) - 1);
  assert.deepEqual(pauses, [32, 64, 128, 256, 512, ...new Array(3).fill(LONGEST_PAUSE)]);
  const fast = runBatches(profile, [1, 2], () => 1, 3 * LONGEST_PAUSE);
  const won = fast.findIndex((size, batch) => size === 2 && fast[batch + 1] === 2);
  assert.ok(won > 0 && won <= 2 * (LONGEST_PAUSE + 1), `${won}`);
  const others = fast.slice(won).filter((size) => size === 1).length;
  assert.ok(others <= 6, `${others}`);
});

Deno.test("rows that were remembered count for the batch that the graph ran, and tries for what was taken", () => {
  const profile = new BatchProfile();
  for (let i = 0; i < TRIES; i++) {
    profile.record("k", { taken: 2, evaluated: 0, milliseconds: 0 });
    profile.record("k", { taken: 4, evaluated: 1, milliseconds: 1 });
  }
  // Nobody knows what two or four cost, but they have been tried, and one row is still to be tried.
  assert.equal(profile.choose("k", [1, 2, 4]), 1);
  for (let i = 0; i < TRIES; i++) measure(profile, 1, 1);
  assert.equal(profile.choose("k", [1, 2, 4]), 4);
});

Deno.test("keys are measured apart, and only so many are remembered", () => {
  const profile = new BatchProfile();
  for (let i = 0; i < TRIES; i++) for (const rows of [1, 2]) measure(profile, rows, rows ** 2);
  assert.deepEqual([profile.choose("k", [1, 2]), profile.choose("other", [1, 2])], [1, 2]);
  for (let i = 0; i < 63; i++) measure(profile, 1, 1, `${i}`);
  assert.equal(profile.choose("k", [1, 2]), 1);
  measure(profile, 1, 1, "one more");
  assert.equal(profile.choose("k", [1, 2]), 2);
});

Deno.test("whatever was measured, the choice is offered, repeats, and no smaller one is clearly faster", () => {
  const offered = fc.uniqueArray(fc.integer({ min: 1, max: 20 }), { minLength: 1 })
    .map((sizes) => sizes.toSorted((a, b) => a - b));
  const costs = fc.array(fc.double({ min: 0.001, max: 50, noNaN: true }), {
    minLength: 20,
    maxLength: 20,
  });
  fc.assert(fc.property(offered, costs, (sizes, table) => {
    const cost: Cost = (rows) => table[rows - 1] ?? NaN;
    const profile = new BatchProfile();
    runBatches(profile, sizes, cost, TRIES * sizes.length);
    for (let i = 0; i < TRIES; i++) for (const size of sizes) measure(profile, size, cost(size));
    const chosen = profile.choose("k", sizes);
    assert.equal(profile.choose("k", sizes), chosen);
    assert.ok(sizes.includes(chosen));
    const rate = (rows: number) => rows / cost(rows);
    for (const size of sizes) {
      if (size < chosen) assert.ok(rate(chosen) >= 0.95 * rate(size), `${chosen} for ${size}`);
    }
    const larger = sizes.filter((size) => size > chosen);
    for (const size of larger) {
      const best = Math.max(...sizes.filter((other) => other < size).map(rate));
      assert.ok(rate(size) < 0.95 * best, `${chosen} in place of ${size}`);
    }
  }));
});
