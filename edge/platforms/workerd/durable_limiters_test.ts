// If this breaks, an object that the platform has evicted forgets what was used, or never forgets.
import assert from "node:assert/strict";
import { createDurableLimiters, durableSalt, LimiterObject } from "./durable_limiters.ts";

const LIMITS = { requests_per_minute: 2, evaluations_per_minute: 10, concurrent_generations: 1 };
const REQUEST = { action: "request", limits: LIMITS } as const;

/** Creates a namespace of one object, on storage that outlives it. */
function createNamespace() {
  const stored = new Map<string, unknown>();
  const seen = { now: 0, alarm: null as number | null, stored };
  const storage = {
    get: (key: string) => Promise.resolve(stored.get(key)),
    put: (key: string, value: unknown) =>
      Promise.resolve(void stored.set(key, structuredClone(value))),
    deleteAll: () => Promise.resolve(stored.clear()),
    getAlarm: () => Promise.resolve(seen.alarm),
    setAlarm: (at: number) => Promise.resolve(void (seen.alarm = at)),
  };
  const create = () => new LimiterObject({ storage }, {}, () => seen.now);
  let object = create();
  const limiters = createDurableLimiters({ idFromName: String, get: () => object });
  return {
    seen,
    limiters,
    salt: () => durableSalt({ idFromName: String, get: () => object }),
    evict: () => void (object = create()),
    ring: () => {
      seen.alarm = null;
      return object.alarm();
    },
  };
}

Deno.test("What an account has used outlives its object's process", async () => {
  const { limiters, evict } = createNamespace();
  const begin = { action: "begin", run: "a", evaluations: 4, limits: LIMITS } as const;
  await limiters.call("a", REQUEST);
  await limiters.call("a", begin);
  evict();
  const { standing } = await limiters.call("a", REQUEST);
  assert.deepEqual(
    [standing.requests, standing.evaluations, standing.generations].map((of) => of.remaining),
    [0, 6, 0],
  );
  evict();
  assert.equal((await limiters.call("a", REQUEST)).refusal?.policy, "requests");
});

Deno.test("Calls that come at once are counted one after another, also the first of a process", async () => {
  const { limiters, evict } = createNamespace();
  await limiters.call("a", REQUEST);
  evict();
  const verdicts = await Promise.all([1, 2, 3].map(() => limiters.call("a", REQUEST)));
  assert.equal(verdicts.filter(({ refusal }) => refusal === null).length, 1);
});

Deno.test("An account that comes no more leaves nothing behind, one that runs does", async () => {
  const { limiters, seen, evict, ring } = createNamespace();
  await limiters.call("a", REQUEST);
  assert.equal(seen.alarm, 120_000);
  await limiters.call("a", { action: "begin", run: "a", evaluations: 4, limits: LIMITS });
  seen.now = 120_000;
  evict();
  await ring();
  assert.equal(seen.alarm, 240_000);
  await limiters.call("a", { action: "end", run: "a", spent: 4, limits: LIMITS });
  seen.now = 240_000;
  await ring();
  assert.deepEqual([seen.stored.size, seen.alarm], [0, null]);
  assert.equal((await limiters.call("a", REQUEST)).standing.requests.remaining, 1);
});

Deno.test("The salt of addresses is drawn once", async () => {
  const { salt, evict } = createNamespace();
  const drawn = await salt();
  assert.match(drawn, /^[0-9a-f]{32}$/);
  evict();
  assert.equal(await salt(), drawn);
});
