import assert from "node:assert/strict";
import { createMemoryCache } from "./memory_cache.ts";

function cacheOf(bytesMax: number, entryBytesMax = bytesMax) {
  const clock = { now: 0 };
  const cache = createMemoryCache({ bytesMax, entryBytesMax, now: () => clock.now });
  const put = (key: string, text: string, seconds = 60) => {
    const headers = { "cache-control": `public, max-age=${seconds}`, etag: `"${key}"` };
    return cache.put(key, new Response(text, { headers }));
  };
  const get = async (key: string) => await (await cache.match(key))?.text() ?? null;
  return { cache, clock, put, get };
}

Deno.test("What was put comes back, headers and all, as often as it is asked for", async () => {
  const { cache, put, get } = cacheOf(100);
  await put("a", "text");
  assert.equal(await get("a"), "text");
  assert.equal(await get("a"), "text");
  assert.equal((await cache.match("a"))?.headers.get("etag"), '"a"');
  assert.equal(await get("b"), null);
  await cache.delete("a");
  assert.deepEqual([await get("a"), cache.bytes], [null, 0]);
});

Deno.test("Large bytes come whole, in pieces that all readers share", async () => {
  const { cache, put } = cacheOf(1_000_000);
  const text = "0123456789".repeat(20_000);
  await put("a", text);
  assert.equal(await (await cache.match("a"))?.text(), text);
  const pieces = await Promise.all([1, 2].map(async () => {
    const reader = (await cache.match("a"))?.body?.getReader();
    const { value } = await reader?.read() ?? {};
    await reader?.cancel();
    return value;
  }));
  assert.equal(pieces[0]?.length, 64 * 1024);
  assert.equal(pieces[0]?.buffer, pieces[1]?.buffer);
});

Deno.test("It is kept as long as it says, and not at all where it does not say", async () => {
  const { cache, clock, put, get } = cacheOf(100);
  await put("a", "text", 10);
  clock.now = 9_999;
  assert.equal(await get("a"), "text");
  clock.now = 10_000;
  assert.deepEqual([await get("a"), cache.bytes], [null, 0]);
  await cache.put("b", new Response("text"));
  assert.equal(await get("b"), null);
});

Deno.test("A full cache drops what was not used for the longest time", async () => {
  const { cache, put, get } = cacheOf(10);
  for (const key of ["a", "b", "c"]) await put(key, "123");
  await get("a");
  await put("d", "123");
  assert.deepEqual(await Promise.all(["a", "b", "c", "d"].map(get)), ["123", null, "123", "123"]);
  await put("a", "1234567");
  assert.deepEqual([await get("a"), cache.bytes <= 10], ["1234567", true]);
});

Deno.test("One entry that is too large pushes nothing out", async () => {
  const { put, get } = cacheOf(10, 4);
  await put("a", "1234");
  await put("b", "12345");
  assert.deepEqual([await get("a"), await get("b")], ["1234", null]);
});
