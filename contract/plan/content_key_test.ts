/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalJson, type CanonicalValue, contentKey } from "../mod.ts";

Deno.test("contentKey() is SHA-256 of the canonical JSON", () => {
  // printf '{"a":[1,"x"],"b":null}' | sha256sum
  assert.equal(
    contentKey({ b: null, a: [1, "x"] }),
    "854ef06dc57f5dfed10206344ab2d02e0b6c84b0e19436703a5afd0f1f9f2687",
  );
});

Deno.test("canonicalJson() does not depend on the order of keys", () => {
  assert.equal(canonicalJson({ b: 1, a: { d: 2, c: 3 } }), '{"a":{"c":3,"d":2},"b":1}');
});

Deno.test("canonicalJson() is JSON of the same value", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const text = canonicalJson(value as CanonicalValue);
    assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
  }));
});

Deno.test("canonicalJson() refuses numbers that JSON would turn into null", () => {
  assert.throws(() => canonicalJson({ guidance_scale: NaN }), RangeError);
});
