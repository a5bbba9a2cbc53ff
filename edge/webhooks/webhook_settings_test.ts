import assert from "node:assert/strict";
import { readWebhookSettings } from "./webhook_settings.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

Deno.test("Webhooks are off without a secret, and never private unless that is said", () => {
  assert.deepEqual(readWebhookSettings({}), { secrets: [], allowPrivate: false });
  const both = { WEBHOOK_SECRET: `${SECRET}, ${SECRET}`, WEBHOOK_ALLOW_PRIVATE: "1" };
  assert.deepEqual(readWebhookSettings(both), { secrets: [SECRET, SECRET], allowPrivate: true });
});

Deno.test("A wrong secret is refused by name, and not shown", () => {
  const wrong = [
    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "whsec_c2hvcnQ=",
    "whsec_not base64 at all, not at all",
    `whsec_${"A".repeat(88)}`,
    [SECRET, SECRET, SECRET, SECRET].join(),
  ];
  for (const secret of wrong) {
    const read = () => readWebhookSettings({ WEBHOOK_SECRET: secret });
    assert.throws(read, /^Error: WEBHOOK_SECRET must be 1 to 3 secrets .* given another text$/);
  }
  const read = () => readWebhookSettings({ WEBHOOK_ALLOW_PRIVATE: "yes" });
  assert.throws(read, { message: 'WEBHOOK_ALLOW_PRIVATE must be 0 or 1, given "yes"' });
});
