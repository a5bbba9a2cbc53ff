import assert from "node:assert/strict";
import { readIdempotencyKey } from "./idempotency_key.ts";

Deno.test("A key is the same bare and in quotes", () => {
  const keys = [
    ["8e03978e-40d5", "8e03978e-40d5"],
    ['"8e03978e-40d5"', "8e03978e-40d5"],
    [' "a \\"b\\" \\\\c" ', 'a "b" \\c'],
    ["x".repeat(255), "x".repeat(255)],
    ['a"b', 'a"b'],
  ] as const;
  for (const [header, value] of keys) {
    assert.deepEqual(readIdempotencyKey(header), { ok: true, value }, header);
  }
  assert.deepEqual(readIdempotencyKey(null), { ok: true, value: null });
});

Deno.test("A key that is no key is refused, with what one is", () => {
  const wrong = ["", '""', '"', '"open', '"a"b"', '"a\\b"', "x".repeat(256), "schlüssel", "a\tb"];
  for (const header of wrong) {
    const parsed = readIdempotencyKey(header);
    assert(!parsed.ok, header);
    assert.equal(parsed.problem.code, "invalid_request");
    assert.match(parsed.problem.detail, /^Idempotency-Key must be 1 to 255 printable ASCII/);
  }
});
