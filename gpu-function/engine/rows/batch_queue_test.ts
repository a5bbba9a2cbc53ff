import assert from "node:assert/strict";
import fc from "fast-check";
import { type ChooseSize, createBatchQueue } from "./batch_queue.ts";

const entry = (name: string, batchKey: string, rowCount: number, rowsMax = 4) => ({
  name,
  batchKey,
  rowCount,
  rowsMax,
});
const names = (batch: readonly { name: string }[]) => batch.map(({ name }) => name).join("");
const largest: ChooseSize = (_, sizes) => sizes.at(-1) ?? NaN;

function queueOf(...entries: ReturnType<typeof entry>[]) {
  const queue = createBatchQueue<ReturnType<typeof entry>>();
  for (const one of entries) queue.enqueue(one);
  return queue;
}

Deno.test("takeBatch mixes guided and unguided rows of one kind, oldest first", () => {
  const queue = queueOf(
    ...[entry("a", "x", 2), entry("b", "y", 1), entry("c", "x", 1), entry("d", "x", 2)],
  );
  const batches = Array.from({ length: 4 }, () => names(queue.takeBatch(largest)));
  assert.deepEqual(batches, ["ac", "b", "d", ""]);
});

Deno.test("nobody overtakes within a kind, though a smaller entry would still fit", () => {
  const queue = queueOf(entry("a", "x", 2, 3), entry("b", "x", 2, 3), entry("c", "x", 1, 3));
  assert.deepEqual([names(queue.takeBatch(largest)), names(queue.takeBatch(largest))], ["a", "bc"]);
});

Deno.test("takeBatch runs an entry that is larger than a batch by itself", () => {
  const queue = queueOf(entry("a", "x", 2, 1), entry("b", "x", 2, 1));
  const offered: (readonly number[])[] = [];
  const batch = queue.takeBatch((key, sizes) => {
    offered.push(sizes);
    return largest(key, sizes);
  });
  assert.deepEqual([names(batch), offered], ["a", [[2]]]);
});

Deno.test("takeBatch takes as many rows as are chosen of those that it offers", () => {
  const offers: unknown[] = [];
  const queue = queueOf(...["a", "b", "c", "d"].map((name, i) => entry(name, "x", 1 + i % 2, 5)));
  const batch = queue.takeBatch((...offer) => {
    offers.push(offer);
    return 3;
  });
  assert.deepEqual([names(batch), offers], ["ab", [["x", [1, 3, 4]]]]);
  // A number that was not offered must not leave rows waiting for ever.
  assert.equal(names(queue.takeBatch(() => NaN)), "c");
});

Deno.test("remove takes a waiting entry out and says so once", () => {
  const gone = entry("a", "x", 1);
  const queue = queueOf(gone);
  assert.equal(queue.remove(gone), true);
  assert.equal(queue.remove(gone), false);
  assert.equal(queue.size, 0);
});

Deno.test("the queue loses and doubles nothing, and mixes no kinds", () => {
  const entries = fc.array(
    fc.record({ key: fc.constantFrom("x", "y"), rows: fc.integer({ min: 1, max: 3 }) }),
  );
  fc.assert(fc.property(entries, fc.integer({ min: 1, max: 5 }), (records, rowsMax) => {
    const given = records.map(({ key, rows }, i) => entry(String(i), key, rows, rowsMax));
    const queue = queueOf(...given);
    const taken: typeof given = [];
    for (
      let batch = queue.takeBatch(largest);
      batch.length > 0;
      batch = queue.takeBatch(largest)
    ) {
      const rows = batch.reduce((sum, { rowCount }) => sum + rowCount, 0);
      assert.ok(batch.length === 1 || rows <= rowsMax);
      assert.equal(new Set(batch.map(({ batchKey }) => batchKey)).size, 1);
      taken.push(...batch);
    }
    const byName = (a: { name: string }, b: { name: string }) => Number(a.name) - Number(b.name);
    assert.deepEqual(taken.sort(byName), given);
  }));
});
