import assert from "node:assert/strict";
import { forgiveFailures, layerCaches, type ReaderCache } from "./reader_cache.ts";
import { createMemoryCache } from "./memory_cache.ts";

const memory = () => createMemoryCache({ bytesMax: 100, entryBytesMax: 100, now: () => 0 });
const response = (text: string) =>
  new Response(text, { headers: { "cache-control": "max-age=1" } });
const textOf = async (cache: ReaderCache, key: string) =>
  await (await cache.match(key))?.text() ?? null;

Deno.test("The near cache learns from the far one; both forget together", async () => {
  const [near, far] = [memory(), memory()];
  const both = layerCaches(near, far);
  await far.put("a", response("far"));
  assert.equal(await textOf(both, "a"), "far");
  assert.equal(await textOf(near, "a"), "far");
  await both.put("b", response("new"));
  assert.deepEqual([await textOf(near, "b"), await textOf(far, "b")], ["new", "new"]);
  await both.delete("a");
  assert.deepEqual([await textOf(near, "a"), await textOf(far, "a")], [null, null]);
});

Deno.test("A cache that fails is one that knows nothing", async () => {
  const fail = () => Promise.reject(new Error("gone"));
  const logged: string[] = [];
  const cache = forgiveFailures(
    { match: fail, put: fail, delete: fail },
    ({ message }) => void logged.push(message),
  );
  assert.equal(await cache.match("a"), null);
  await cache.put("a", response("text"));
  await cache.delete("a");
  assert.deepEqual(logged, ["The cache failed", "The cache failed", "The cache failed"]);
});
