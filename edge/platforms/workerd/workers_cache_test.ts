// If this breaks, what a data centre's cache made of an image is served for a year.
import assert from "node:assert/strict";
import { checkedCache, type PlatformCache } from "./workers_cache.ts";

interface Kept {
  bytes: Uint8Array<ArrayBuffer>;
  headers: [string, string][];
}

function platformCache() {
  const kept = new Map<string, Kept>();
  const cache: PlatformCache = {
    match(url) {
      const found = kept.get(url);
      return Promise.resolve(found && new Response(found.bytes, { headers: found.headers }));
    },
    async put(url, response) {
      kept.set(url, { bytes: await response.bytes(), headers: [...response.headers] });
    },
    delete: (url) => Promise.resolve(kept.delete(url)),
  };
  return { kept, cache };
}

const BYTES = Uint8Array.from({ length: 1_000 }, (_, i) => i % 256);

const DAMAGES: Readonly<Record<string, (kept: Kept) => void>> = {
  "its first byte is turned": (kept) => kept.bytes = kept.bytes.with(0, 255),
  "its last byte is turned": (kept) => kept.bytes = kept.bytes.with(-1, 0),
  "it is cut": (kept) => kept.bytes = kept.bytes.slice(0, 999),
  "it is empty": (kept) => kept.bytes = new Uint8Array(),
  "it is longer": (kept) => kept.bytes = new Uint8Array([...kept.bytes, 0]),
  "its hash is gone": (kept) => kept.headers = [["etag", '"a"']],
};

async function keptOnce() {
  const { kept, cache } = platformCache();
  const checked = checkedCache(cache);
  await checked.put("images/a", new Response(BYTES, { headers: { etag: '"a"' } }));
  const [entry] = kept.values();
  assert(entry);
  return { kept, checked, entry };
}

Deno.test("What was kept comes back with its header fields", async () => {
  const { checked } = await keptOnce();
  const found = await checked.match("images/a");
  assert.equal(found?.headers.get("etag"), '"a"');
  assert.deepEqual(await found?.bytes(), BYTES);
  assert.equal(await checked.match("images/b"), null);
});

for (const [what, damage] of Object.entries(DAMAGES)) {
  Deno.test(`An answer of the cache is not believed, and dropped, when ${what}`, async () => {
    const { kept, checked, entry } = await keptOnce();
    damage(entry);
    assert.equal(await checked.match("images/a"), null);
    assert.equal(kept.size, 0);
  });
}
