import assert from "node:assert/strict";
import { EVENTS, PLAN } from "../../contract/fixtures/events.ts";
import type { Results, StoredImage } from "../../db/result_queries.ts";
import { HitCounter } from "./hit_counter.ts";
import { createMemoryCache } from "./memory_cache.ts";
import {
  findNearAnswer,
  findNearImage,
  keepImageNear,
  keepResourceNear,
  keepStreamNear,
  nearResults,
} from "./near_results.ts";

function stage() {
  const cache = createMemoryCache({ bytesMax: 1e6, entryBytesMax: 1e6, now: () => 0 });
  const kept: Promise<unknown>[] = [];
  return { cache, keepAlive: (work: Promise<unknown>) => void kept.push(work), kept };
}

const REPLAY = {
  plan: PLAN,
  owner: null,
  events: EVENTS.slice(0, 7).map((event, id) => ({ id, event })),
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
  keepStreamNear(ports, PLAN.id, REPLAY);
  keepImageNear(ports, PLAN.id, IMAGE);
  await Promise.all(kept);
  const near = await findNearAnswer(ports, "streams", PLAN.id);
  assert.deepEqual(near?.insights, PLAN.insights);
  const text = await new Response(near.body).text();
  assert.match(text, /^id: 0\n.*"cached":true[^\n]*\n\n$/s);
  assert.deepEqual(await findNearImage(ports, PLAN.id), IMAGE);
  assert.equal(await findNearImage(ports, "other"), null);
});

Deno.test("A resource comes back as it was kept", async () => {
  const { kept, ...ports } = stage();
  keepResourceNear(ports, REPLAY, { id: PLAN.id });
  await Promise.all(kept);
  const near = await findNearAnswer(ports, "resources", PLAN.id);
  assert.deepEqual(near?.insights, PLAN.insights);
  assert.deepEqual(await new Response(near.body).json(), { id: PLAN.id });
});

Deno.test("Nothing that has an owner is kept near", async () => {
  const { kept, ...ports } = stage();
  keepResourceNear(ports, { ...REPLAY, owner: "key_1" }, { id: PLAN.id });
  keepStreamNear(ports, PLAN.id, { ...REPLAY, owner: "key_1" });
  keepImageNear(ports, PLAN.id, { ...IMAGE, owner: "key_1" });
  await Promise.all(kept);
  assert.equal(ports.cache.bytes, 0);
});

Deno.test("Nothing that is flagged is kept near, since it may be withheld one day", async () => {
  const { kept, ...ports } = stage();
  const events = REPLAY.events.map(({ id, event }) =>
    event.type === "generation.image"
      ? { id, event: { ...event, safety: { flagged: true } } }
      : { id, event }
  );
  assert(events.some(({ event }) => event.type === "generation.image"));
  keepResourceNear(ports, { ...REPLAY, events }, { id: PLAN.id });
  keepStreamNear(ports, PLAN.id, { ...REPLAY, events });
  keepImageNear(ports, PLAN.id, { ...IMAGE, flagged: true });
  await Promise.all(kept);
  assert.equal(ports.cache.bytes, 0);
});

Deno.test("A result that is stored anew takes its old answers away", async () => {
  const { kept, ...ports } = stage();
  keepStreamNear(ports, PLAN.id, REPLAY);
  keepResourceNear(ports, REPLAY, {});
  await Promise.all(kept);
  const write: Results["write"] = ({ finished_at }) =>
    Promise.resolve(finished_at === 0 ? "already_stored" : "stored");
  const near = nearResults({ write } as Results, { cache: ports.cache, hits: new HitCounter() });
  const { request } = { request: { model: "fixture" } } as never;
  const result = { request, plan: PLAN, events: REPLAY.events, finished_at: 0 };
  await near.write(result);
  assert.notEqual(await findNearAnswer(ports, "streams", PLAN.id), null);
  await near.write({ ...result, finished_at: 1 });
  assert.equal(await findNearAnswer(ports, "resources", PLAN.id), null);
  assert.equal(await findNearAnswer(ports, "streams", PLAN.id), null);
});
