// If this breaks, the rate of a question that nobody limits becomes the rate of what it costs.
import assert from "node:assert/strict";
import { BriefMemory } from "./brief_memory.ts";

const [HOLDS_MS, LOST_MS] = [1_000, 50];

function setUp() {
  const searches: PromiseWithResolvers<number>[] = [];
  const kept: Promise<unknown>[] = [];
  const clock = { now: 0 };
  const memory = new BriefMemory<number>({
    find: () => {
      const search = Promise.withResolvers<number>();
      searches.push(search);
      return search.promise;
    },
    holdsMs: HOLDS_MS,
    lostMs: LOST_MS,
    now: () => clock.now,
    keepAlive: (work) => void kept.push(work),
  });
  return { memory, searches, kept, clock };
}

Deno.test("All who ask while it is looked for, and for a moment after, get one answer", async () => {
  const { memory, searches, kept, clock } = setUp();
  assert(!memory.isAtHand);
  const asked = Array.from({ length: 50 }, () => memory.get());
  assert(memory.isAtHand, "a search is under way");
  searches[0]?.resolve(1);
  assert.deepEqual([...new Set(await Promise.all(asked))], [1]);
  await kept[0];
  const moments: readonly [at: number, value: number, searches: number][] = [
    [0, 1, 1],
    [1, 1, 1],
    [HOLDS_MS - 1, 1, 1],
    [HOLDS_MS, 2, 2],
    [HOLDS_MS + 1, 2, 2],
    [2 * HOLDS_MS - 1, 2, 2],
    [2 * HOLDS_MS, 3, 3],
  ];
  for (const [at, value, count] of moments) {
    clock.now = at;
    assert.equal(memory.isAtHand, count === searches.length);
    const answer = memory.get();
    searches.at(-1)?.resolve(searches.length);
    assert.equal(await answer, value, String(at));
    await kept.at(-1);
    assert.equal(searches.length, count, String(at));
  }
});

Deno.test("A search that takes its time is the only one", async () => {
  const { memory, searches, clock } = setUp();
  const asked = [memory.get()];
  clock.now = LOST_MS - 1;
  asked.push(memory.get());
  assert.equal(searches.length, 1);
  searches[0]?.resolve(7);
  assert.deepEqual(await Promise.all(asked), [7, 7]);
});

Deno.test("A failure is told to all who wait, and not remembered", async () => {
  const { memory, searches, kept } = setUp();
  const asked = [memory.get(), memory.get()];
  searches[0]?.reject(new Error("away"));
  for (const one of asked) await assert.rejects(one, /away/);
  await kept[0];
  const next = memory.get();
  searches[1]?.resolve(8);
  assert.equal(await next, 8);
});

Deno.test("A search that was lost with its request holds nobody up for ever", async () => {
  const { memory, searches, clock } = setUp();
  const lost = memory.get();
  clock.now = LOST_MS;
  const later = memory.get();
  assert.equal(searches.length, 2);
  searches[1]?.resolve(9);
  assert.equal(await later, 9);
  assert.equal(await lost, 9, "who waited for the lost one looks again");
});
