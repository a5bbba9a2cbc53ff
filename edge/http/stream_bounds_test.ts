// If this breaks, silent readers hold streams for ever, or a place is lost with each reader.
import assert from "node:assert/strict";
import { Hono } from "hono";
import { OpenStreams } from "../limits/open_streams.ts";
import type { EdgeEnv } from "./request_context.ts";
import { boundStreams, holdPlace } from "./stream_bounds.ts";

const LIMITS = { requests_per_minute: 1, evaluations_per_minute: 1, concurrent_generations: 1 };
const EVENTS = { "content-type": "text/event-stream" };
const STALLED_MS = 20;

/** Gives pieces for ever, and notes whether it was canceled. */
function endless() {
  const state = { taken: 0, canceled: false };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      state.taken++;
      controller.enqueue(new Uint8Array(1));
    },
    cancel: () => void (state.canceled = true),
  }, { highWaterMark: 0 });
  return { state, body };
}

function createApp(max = 2) {
  const streams = new OpenStreams({ max, now: () => 0 });
  const source = endless();
  const app = new Hono<EdgeEnv>();
  app.use(async (c, next) => {
    c.set("caller", { account: "a", keyed: false, limits: LIMITS });
    await next();
  });
  app.use(boundStreams({ streams, stalledMs: STALLED_MS }));
  let ran = 0;
  app.use(async (_, next) => {
    ran++;
    await next();
  });
  app.get("/events", () => new Response(endless().body, { headers: EVENTS }));
  app.post("/late", () => new Response(source.body, { headers: EVENTS }));
  app.get("/short", () => new Response("id: 0\n\n", { headers: EVENTS }));
  app.get("/sheet", () => new Response("<svg/>", { headers: { "content-type": "image/svg+xml" } }));
  app.get("/json", (c) => c.json({}));
  app.get("/events/none", () => new Response(null, { status: 204 }));
  app.get("/broken", () => {
    throw new Error("broken");
  });
  app.onError(() => new Response("broken", { status: 500 }));
  return { app, streams, source, ran: () => ran };
}

const STREAMED = { headers: { accept: "text/event-stream" } };

for (
  const [name, path, options, status] of [
    ["a short stream", "/short", {}, 200],
    ["a sheet", "/sheet", {}, 200],
    ["an answer that is no stream", "/json", STREAMED, 200],
    ["an answer without a body", "/events/none", STREAMED, 204],
    ["a stream of which only the head is asked for", "/events", { method: "HEAD" }, 200],
    ["a route that fails", "/broken", STREAMED, 500],
  ] as const
) {
  Deno.test(`The place of ${name} is free behind it`, async () => {
    const { app, streams } = createApp();
    const response = await app.request(path, options);
    assert.equal(response.status, status);
    await response.text();
    assert.equal(streams.count, 0);
  });
}

Deno.test("A stream too many is refused before any work, or its body is let go", async () => {
  const { app, streams, source, ran } = createApp();
  const open = await Promise.all([app.request("/events"), app.request("/events")]);
  assert.deepEqual(open.map(({ status }) => status), [200, 200]);
  const early = await app.request("/events");
  assert.deepEqual([early.status, early.headers.get("retry-after"), ran()], [429, "5", 2]);
  assert.match((await early.json()).detail, /^Open streams of all accounts must be at most 2/);
  const late = await app.request("/late", { method: "POST" });
  assert.deepEqual([late.status, source.state.canceled, ran()], [429, true, 3]);
  assert.equal((await app.request("/json")).status, 200);
  await open[0]?.body?.cancel();
  assert.equal(streams.count, 1);
  const next = await app.request("/events");
  assert.equal(next.status, 200);
  for (const { body } of [open[1]!, next]) await body?.cancel();
  assert.equal(streams.count, 0);
});

function held() {
  const { state, body } = endless();
  const seen = { renewed: 0, left: 0 };
  const place = { renew: () => void seen.renewed++, leave: () => void seen.left++ };
  return { state, seen, reader: holdPlace(body, place, STALLED_MS).getReader() };
}

for (const pieces of [0, 1, 3]) {
  Deno.test(`A reader that takes nothing behind ${pieces} pieces is sent away`, async () => {
    const { state, seen, reader } = held();
    for (let i = 0; i < pieces; i++) await reader.read();
    await assert.rejects(reader.closed, /took nothing for 20 ms/);
    assert.deepEqual([state.taken, state.canceled, seen.renewed], [pieces, true, pieces]);
    assert(seen.left > 0);
  });
}

Deno.test("A reader that goes on taking is not, nor is one that waits for the stream", async () => {
  const bell = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await bell.promise;
      controller.enqueue(new Uint8Array(1));
      controller.close();
    },
  }, { highWaterMark: 0 });
  let left = 0;
  const place = { renew: () => {}, leave: () => void left++ };
  const text = new Response(holdPlace(body, place, STALLED_MS)).bytes();
  setTimeout(() => bell.resolve(), 3 * STALLED_MS);
  assert.equal((await text).length, 1);
  assert.equal(left, 1);
});

Deno.test("A body that breaks breaks the stream, and leaves the place", async () => {
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error("gone")),
  }, { highWaterMark: 0 });
  let left = 0;
  const place = { renew: () => {}, leave: () => void left++ };
  await assert.rejects(new Response(holdPlace(body, place, STALLED_MS)).text(), /gone/);
  assert.equal(left, 1);
});
