import assert from "node:assert/strict";
import fc from "fast-check";
import { createBatchQueue } from "./batch_queue.ts";

const entry = (name: string, batchKey: string, rowCount: number) => ({ name, batchKey, rowCount });
const names = (batch: readonly { name: string }[]) => batch.map(({ name }) => name).join("");

Deno.test("takeBatch mixes guided and unguided rows of one kind, oldest first", () => {
  const queue = createBatchQueue<ReturnType<typeof entry>>();
  for (const [name, key, rows] of [["a", "x", 2], ["b", "y", 1], ["c", "x", 1], ["d", "x", 2]]) {
    queue.enqueue(entry(String(name), String(key), Number(rows)));
  }
  assert.equal(names(queue.takeBatch(4)), "ac");
  assert.equal(names(queue.takeBatch(4)), "b");
  assert.equal(names(queue.takeBatch(4)), "d");
  assert.equal(names(queue.takeBatch(4)), "");
});

Deno.test("takeBatch runs an entry that is larger than a batch by itself", () => {
  const queue = createBatchQueue<ReturnType<typeof entry>>();
  queue.enqueue(entry("a", "x", 2));
  queue.enqueue(entry("b", "x", 2));
  assert.equal(names(queue.takeBatch(1)), "a");
});

Deno.test("remove takes a waiting entry out and says so once", () => {
  const queue = createBatchQueue<ReturnType<typeof entry>>();
  const gone = entry("a", "x", 1);
  queue.enqueue(gone);
  assert.equal(queue.remove(gone), true);
  assert.equal(queue.remove(gone), false);
  assert.equal(queue.size, 0);
});

Deno.test("the queue loses and doubles nothing, and mixes no kinds", () => {
  const entries = fc.array(
    fc.record({ key: fc.constantFrom("x", "y"), rows: fc.integer({ min: 1, max: 3 }) }),
  );
  fc.assert(fc.property(entries, fc.integer({ min: 1, max: 5 }), (records, rowsMax) => {
    const queue = createBatchQueue<ReturnType<typeof entry>>();
    const given = records.map(({ key, rows }, i) => entry(String(i), key, rows));
    for (const one of given) queue.enqueue(one);
    const taken: typeof given = [];
    for (let batch = queue.takeBatch(rowsMax); batch.length > 0; batch = queue.takeBatch(rowsMax)) {
      const rows = batch.reduce((sum, { rowCount }) => sum + rowCount, 0);
      assert.ok(batch.length === 1 || rows <= rowsMax);
      assert.equal(new Set(batch.map(({ batchKey }) => batchKey)).size, 1);
      taken.push(...batch);
    }
    const byName = (a: { name: string }, b: { name: string }) => Number(a.name) - Number(b.name);
    assert.deepEqual(taken.sort(byName), given);
  }));
});
