/** If draws change from run to run, so does every interval and every false agreement. */
import assert from "node:assert/strict";
import { seededDraws } from "./seeded_draws.ts";

Deno.test("seededDraws() repeats itself, stays below its bound and reaches all of it", () => {
  const drawn = (seed: number) => {
    const draws = seededDraws(seed);
    return Array.from({ length: 200 }, () => draws.below(7));
  };
  assert.deepEqual(drawn(3), drawn(3));
  assert.notDeepEqual(drawn(3), drawn(4));
  assert.deepEqual([...new Set(drawn(3))].sort(), [0, 1, 2, 3, 4, 5, 6]);
});

Deno.test("shuffled() keeps every item and moves them alike each time", () => {
  const items = Array.from({ length: 50 }, (_, i) => i);
  const order = seededDraws(3).shuffled(items);
  assert.notDeepEqual(order, items);
  assert.deepEqual(order, seededDraws(3).shuffled(items));
  assert.deepEqual(order.toSorted((a, b) => a - b), items);
});
