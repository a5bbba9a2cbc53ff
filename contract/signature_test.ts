/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { equalSignatures, signCall, type SignedCall } from "./signature.ts";

const CALL: SignedCall = {
  method: "PUT",
  path: "/predictions/abc",
  body: utf8ToBytes('{"input":{}}'),
  timestamp: 1_700_000_000_000,
  nonce: "n-1",
  audience: "gpu.example:8788",
};

Deno.test("A call's signature is the HMAC-SHA256 of its lines, as another library computes it", () => {
  const hash = createHash("sha256").update(CALL.body).digest("hex");
  const lines = "PUT\n/predictions/abc\n1700000000000\nn-1";
  const texts = [
    [CALL, `shapefirst-call-2\n${lines}\ngpu.example:8788\n${hash}`],
    [{ ...CALL, audience: null }, `shapefirst-call-1\n${lines}\n${hash}`],
  ] as const;
  for (const [call, text] of texts) {
    const expected = createHmac("sha256", "secret").update(text).digest("hex");
    assert.equal(signCall("secret", call), expected);
  }
});

Deno.test("Every part of a call, and the secret, changes its signature", () => {
  const changes: Partial<SignedCall>[] = [
    { method: "POST" },
    { path: "/predictions/abd" },
    { body: utf8ToBytes('{"input":{} }') },
    { timestamp: CALL.timestamp + 1 },
    { nonce: "n-2" },
    { audience: "gpu.example" },
    { audience: "" },
    { audience: null },
  ];
  const signatures = changes.map((change) => signCall("secret", { ...CALL, ...change }));
  signatures.push(signCall("secret", CALL), signCall("secret2", CALL));
  assert.equal(new Set(signatures).size, signatures.length);
});

Deno.test("A part with a line break cannot pass for another part", () => {
  assert.throws(() => signCall("secret", { ...CALL, path: "/a\n1", nonce: "2" }), RangeError);
});

Deno.test("equalSignatures() compares as a whole", () => {
  const one = signCall("secret", CALL);
  assert(equalSignatures(one, signCall("secret", CALL)));
  assert(!equalSignatures(one, `${one.slice(0, -1)}x`));
  assert(!equalSignatures(one, `x${one.slice(1)}`));
  assert(!equalSignatures(one, one.slice(1)));
  assert(!equalSignatures(one, `${one}0`));
  assert(!equalSignatures(one, ""));
});
