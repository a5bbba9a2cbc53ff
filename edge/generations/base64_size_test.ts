// If this breaks, a resource states another size than its image has.
import assert from "node:assert/strict";
import { base64Size } from "./base64_size.ts";

Deno.test("base64Size() is what decoding comes to, padded or not", () => {
  for (let length = 0; length < 20; length++) {
    const bytes = new Uint8Array(length).fill(length);
    assert.equal(base64Size(bytes.toBase64()), length);
    assert.equal(base64Size(bytes.toBase64({ omitPadding: true })), length);
  }
});
