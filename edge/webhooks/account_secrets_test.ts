// If this breaks, a receiver can sign for another account, or an account's secret changes.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { accountSecrets } from "./account_secrets.ts";

const OPERATORS = [7, 8].map((byte) => `whsec_${new Uint8Array(24).fill(byte).toBase64()}`);

Deno.test("An account has a secret of its own for each of the operator's, always the same", async () => {
  const expected = [7, 8].map((byte) => {
    const hmac = createHmac("sha256", new Uint8Array(24).fill(byte));
    return `whsec_${hmac.update("shapefirst-webhook-1\nkey_1").digest("base64")}`;
  });
  assert.deepEqual(await accountSecrets(OPERATORS, "key_1"), expected);
  const all = [...OPERATORS, ...expected, ...await accountSecrets(OPERATORS, "key_2")];
  assert.equal(new Set(all).size, 6);
  assert.deepEqual(await accountSecrets([], "key_1"), []);
});
