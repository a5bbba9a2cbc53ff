import assert from "node:assert/strict";
import { readSettings } from "../settings.ts";

Deno.test("CACHE_BYTES is a whole number, half of D1 where it is left out", () => {
  assert.equal(readSettings({}).cache.bytes, 5_000_000_000);
  assert.equal(readSettings({ CACHE_BYTES: "0" }).cache.bytes, 0);
  assert.equal(readSettings({ CACHE_BYTES: " 1000 " }).cache.bytes, 1_000);
  assert.equal(readSettings({ CACHE_BYTES: "d1-free" }).cache.bytes, 300_000_000);
  assert.equal(readSettings({ CACHE_BYTES: "d1-paid" }).cache.bytes, 5_000_000_000);
  for (const given of ["-1", "1e9", "much", "d1", "constructor"]) {
    const message =
      `CACHE_BYTES must be a whole number of bytes from 0, or d1-free or d1-paid, given "${given}"`;
    assert.throws(() => readSettings({ CACHE_BYTES: given }), { message });
  }
});
