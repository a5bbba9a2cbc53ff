import assert from "node:assert/strict";
import { HitCounter, WRITE_PAUSE_MS } from "./hit_counter.ts";

function counted() {
  const written: [string, number, number | undefined][] = [];
  const touchable = {
    touch: (id: string, now: number, hits?: number) =>
      Promise.resolve(void written.push([id, now, hits])),
  };
  const counter = new HitCounter();
  const hit = (id: string, now: number) => counter.touch(touchable, id, { now });
  return { hit, written };
}

Deno.test("The first hit is written at once, those of the next minute together", async () => {
  const { hit, written } = counted();
  for (const now of [0, 1, WRITE_PAUSE_MS - 1]) await hit("a", now);
  await hit("b", 5);
  assert.deepEqual(written, [["a", 0, 1], ["b", 5, 1]]);
  await hit("a", WRITE_PAUSE_MS);
  assert.deepEqual(written.at(-1), ["a", WRITE_PAUSE_MS, 3]);
  await hit("a", WRITE_PAUSE_MS + 1);
  assert.equal(written.length, 3);
});

Deno.test("It counts a bounded number of keys", async () => {
  const { hit, written } = counted();
  for (let i = 0; i <= 10_000; i++) await hit(`key ${i}`, 0);
  await hit("key 10000", 1);
  assert.equal(written.length, 10_001);
  await hit("key 0", 1);
  assert.equal(written.length, 10_002, "the oldest was forgotten");
});
