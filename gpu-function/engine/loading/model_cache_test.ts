/** Memory never holds more than it may, nobody waits for ever, and a lease is a promise. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Lease, ModelCache } from "./model_cache.ts";

/** A cache over models of these bytes, and what it did. */
function shelf(sizes: Record<string, number>, bytesMax: number, failing: readonly string[] = []) {
  const log: string[] = [];
  const load = async (id: string) => {
    log.push(`load ${id}`);
    await Promise.resolve();
    if (failing.includes(id)) throw new Error(`${id} is damaged`);
    return id;
  };
  const cache = new ModelCache<string>({
    models: new Map(
      Object.entries(sizes).map(([id, bytes]) => [id, { bytes, load: () => load(id) }]),
    ),
    bytesMax,
    unload: async (id) => {
      await Promise.resolve();
      log.push(`unload ${id}`);
    },
  });
  return { cache, log };
}

/** Lets everything that can happen without a release happen. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("a model is loaded once for all who ask, and stays when they are done", async () => {
  const { cache, log } = shelf({ a: 1 }, 1);
  const leases = await Promise.all([cache.acquire("a"), cache.acquire("a")]);
  for (const { release } of leases) release();
  (await cache.acquire("a")).release();
  assert.deepEqual(log, ["load a"]);
  await cache.close();
  assert.deepEqual(log, ["load a", "unload a"]);
});

Deno.test("the least recently used idle model makes room, and is gone before the next one loads", async () => {
  const { cache, log } = shelf({ a: 1, b: 1, c: 1 }, 2);
  for (const id of ["a", "b", "a", "c"]) (await cache.acquire(id)).release();
  assert.deepEqual(log, ["load a", "load b", "unload b", "load c"]);
  assert.deepEqual(cache.loaded, ["a", "c"]);
});

Deno.test("a model in use is not put away: the next one waits for its release", async () => {
  const { cache, log } = shelf({ a: 2, b: 2 }, 3);
  const [held, also] = await Promise.all([cache.acquire("a"), cache.acquire("a")]);
  const waiting = cache.acquire("b");
  held.release();
  held.release();
  await settled();
  assert.deepEqual(log, ["load a"]);
  also.release();
  assert.equal((await waiting).model, "b");
  assert.deepEqual(log, ["load a", "unload a", "load b"]);
});

Deno.test("who waits for room is not passed by others for ever", async () => {
  const { cache } = shelf({ a: 2, b: 2 }, 3);
  const first = await cache.acquire("a");
  const order: string[] = [];
  const asked = ["b", "a"].map((id) =>
    cache.acquire(id).then(({ model, release }) => {
      order.push(model);
      release();
    })
  );
  await settled();
  assert.deepEqual(order, []);
  first.release();
  await Promise.all(asked);
  assert.deepEqual(order, ["b", "a"]);
});

Deno.test("a model that fails to load fails those who asked, and may be asked for again", async () => {
  const { cache, log } = shelf({ a: 1, b: 1 }, 1, ["a"]);
  const asked = [cache.acquire("a"), cache.acquire("a"), cache.acquire("b")];
  const outcomes = await Promise.allSettled(asked);
  assert.deepEqual(outcomes.map(({ status }) => status), ["rejected", "rejected", "fulfilled"]);
  const [, , last] = outcomes;
  if (last?.status === "fulfilled") last.value.release();
  await assert.rejects(cache.acquire("a"), /a is damaged/);
  assert.deepEqual(log, ["load a", "load b", "unload b", "load a"]);
});

Deno.test("who leaves while a model loads is free at once, and the model stays for others", async () => {
  const loading = Promise.withResolvers<string>();
  const cache = new ModelCache<string>({
    models: new Map([["a", { bytes: 1, load: () => loading.promise }]]),
    bytesMax: 1,
    unload: () => Promise.resolve(),
  });
  const left = new AbortController();
  const gone = cache.acquire("a", left.signal);
  await settled();
  left.abort(new Error("left"));
  await assert.rejects(gone, /left/);
  const next = cache.acquire("a");
  loading.resolve("a");
  (await next).release();
  await cache.close();
});

Deno.test("who leaves the queue lets the next one in", async () => {
  const { cache } = shelf({ a: 2, b: 2 }, 3);
  const held = await cache.acquire("a");
  const left = new AbortController();
  const gone = cache.acquire("b", left.signal);
  const next = cache.acquire("a");
  left.abort(new Error("left"));
  await assert.rejects(gone, /left/);
  assert.equal((await next).model, "a");
  held.release();
});

Deno.test("a budget below one model is refused with both sizes", () => {
  assert.throws(
    () => shelf({ large: 3_000_001 }, 2_000_000),
    /must hold each model: large takes 4 MB, allowed are 2 MB/,
  );
});

Deno.test("under any order of asking and releasing memory holds, and everyone is served", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.nat(3)), { maxLength: 30 }),
      async (asks) => {
        const sizes = { a: 1, b: 2, c: 3, d: 4 };
        const { cache } = shelf(sizes, 5);
        const held: Lease<string>[] = [];
        const served = asks.map(([id]) => cache.acquire(id).then((lease) => held.push(lease)));
        for (const [, turns] of [...asks, ...asks]) {
          for (let i = 0; i <= turns; i++) await Promise.resolve();
          const bytes = cache.loaded.reduce((sum, id) => sum + sizes[id as keyof typeof sizes], 0);
          assert.ok(bytes <= 5, `${cache.loaded} take ${bytes}`);
          held.shift()?.release();
        }
        for (let i = 0; i < asks.length; i++) {
          await settled();
          for (const { release } of held.splice(0)) release();
        }
        await Promise.all(served);
      },
    ),
    { numRuns: 50 },
  ));
