import assert from "node:assert/strict";
import { EVENTS, PLAN } from "../../contract/fixtures/events.ts";
import type { Results, StoredImage } from "../../db/result_queries.ts";
import { HitCounter } from "./hit_counter.ts";
import { createMemoryCache } from "./memory_cache.ts";
import {
  cachedResults,
  cacheImage,
  cacheResource,
  cacheStream,
  findCachedAnswer,
  findCachedImage,
} from "./cached_results.ts";

function stage() {
  const cache = createMemoryCache({ bytesMax: 1e6, entryBytesMax: 1e6, now: () => 0 });
  const kept: Promise<unknown>[] = [];
  return { cache, keepAlive: (work: Promise<unknown>) => void kept.push(work), kept };
}

const REPLAY = {
  plan: PLAN,
  owner: null,
  events: EVENTS.slice(0, 7).map((event, id) => ({
    id,
    event: "data" in event ? { ...event, data: "" } : event,
  })),
  async *picture() {
    yield await Promise.resolve(new Uint8Array([1, 2, 3]));
  },
  pictureBytes: 6,
};
const IMAGE: StoredImage = {
  media_type: "image/webp",
  sha256: "ab".repeat(32),
  bytes: new Uint8Array([1, 2, 3]),
  owner: null,
  flagged: false,
};

Deno.test("A stream and an image come back as they were kept", async () => {
  const { kept, ...ports } = stage();
  cacheStream(ports, PLAN.id, REPLAY);
  cacheImage(ports, PLAN.id, IMAGE);
  await Promise.all(kept);
  const cached = await findCachedAnswer(ports, "streams", PLAN.id);
  assert.deepEqual(cached?.insights, PLAN.insights);
  const text = await new Response(cached.body).text();
  assert.match(text, /^id: 0\n.*"cached":true[^\n]*\n\n$/s);
  assert.deepEqual(await findCachedImage(ports, PLAN.id), IMAGE);
  assert.equal(await findCachedImage(ports, "other"), null);
});

Deno.test("A stream that slow readers should not hold is not kept", async () => {
  for (
    const [pictureBytes, isKept] of [[0, true], [6, true], [2 ** 20, true], [2 ** 20 + 1, false], [
      2 ** 24,
      false,
    ]] as const
  ) {
    const { kept, ...ports } = stage();
    cacheStream(ports, PLAN.id, { ...REPLAY, pictureBytes });
    await Promise.all(kept);
    assert.equal(ports.cache.bytes > 0, isKept, String(pictureBytes));
  }
});

Deno.test("A resource comes back as it was kept", async () => {
  const { kept, ...ports } = stage();
  cacheResource(ports, REPLAY, { id: PLAN.id });
  await Promise.all(kept);
  const cached = await findCachedAnswer(ports, "resources", PLAN.id);
  assert.deepEqual(cached?.insights, PLAN.insights);
  assert.deepEqual(await new Response(cached.body).json(), { id: PLAN.id });
});

Deno.test("Nothing that has an owner is cached", async () => {
  const { kept, ...ports } = stage();
  cacheResource(ports, { ...REPLAY, owner: "key_1" }, { id: PLAN.id });
  cacheStream(ports, PLAN.id, { ...REPLAY, owner: "key_1" });
  cacheImage(ports, PLAN.id, { ...IMAGE, owner: "key_1" });
  await Promise.all(kept);
  assert.equal(ports.cache.bytes, 0);
});

Deno.test("Nothing that is flagged is cached, since it may be withheld one day", async () => {
  const { kept, ...ports } = stage();
  const events = REPLAY.events.map(({ id, event }) =>
    event.type === "generation.image"
      ? { id, event: { ...event, safety: { flagged: true } } }
      : { id, event }
  );
  assert(events.some(({ event }) => event.type === "generation.image"));
  cacheResource(ports, { ...REPLAY, events }, { id: PLAN.id });
  cacheStream(ports, PLAN.id, { ...REPLAY, events });
  cacheImage(ports, PLAN.id, { ...IMAGE, flagged: true });
  await Promise.all(kept);
  assert.equal(ports.cache.bytes, 0);
});

Deno.test("A result that is stored anew takes its old answers away", async () => {
  const { kept, ...ports } = stage();
  cacheStream(ports, PLAN.id, REPLAY);
  cacheResource(ports, REPLAY, {});
  await Promise.all(kept);
  const write: Results["write"] = ({ finished_at }) =>
    Promise.resolve(finished_at === 0 ? "already_stored" : "stored");
  const cached = cachedResults({ write } as Results, {
    cache: ports.cache,
    hits: new HitCounter(),
  });
  const { request } = { request: { model: "fixture" } } as never;
  const result = { request, plan: PLAN, events: REPLAY.events, finished_at: 0 };
  await cached.write(result);
  assert.notEqual(await findCachedAnswer(ports, "streams", PLAN.id), null);
  await cached.write({ ...result, finished_at: 1 });
  assert.equal(await findCachedAnswer(ports, "resources", PLAN.id), null);
  assert.equal(await findCachedAnswer(ports, "streams", PLAN.id), null);
});
