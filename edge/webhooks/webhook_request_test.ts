// If this breaks, a wrong webhook is reported too late, or the field gets into the planned request.
import assert from "node:assert/strict";
import { takeWebhook } from "./webhook_request.ts";

const SETTINGS = { secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], allowPrivate: false };
const KEYED = { keyed: true };

function fieldsOf(webhook: unknown, settings = SETTINGS, caller = KEYED) {
  const { url } = takeWebhook({ prompt: "a bird", webhook }, settings, caller);
  assert(!url.ok);
  assert.equal(url.problem.code, "invalid_request");
  return url.problem.errors?.map(({ field }) => field);
}

Deno.test("A webhook is taken off the body, which goes on without it", () => {
  const body = { prompt: "a bird", webhook: { url: "https://example.com/" } };
  assert.deepEqual(takeWebhook(body, SETTINGS, KEYED), {
    input: { prompt: "a bird" },
    url: { ok: true, value: "https://example.com/" },
  });
  for (const other of [{ prompt: "a bird" }, "text", null, []]) {
    const expected = { input: other, url: { ok: true, value: null } };
    assert.deepEqual(takeWebhook(other, SETTINGS, { keyed: false }), expected);
  }
});

Deno.test("Everything that is wrong in a webhook is named", () => {
  assert.deepEqual(fieldsOf("https://example.com/"), ["webhook"]);
  assert.deepEqual(fieldsOf({}), ["webhook.url"]);
  const both = { secret: "s", url: "ftp://example.com/", events: [] };
  assert.deepEqual(fieldsOf(both), ["webhook.url", "webhook.secret", "webhook.events"]);
  const known = { url: "https://example.com/", secret: "s" };
  assert.deepEqual(fieldsOf(known), ["webhook.secret"]);
});

Deno.test("Without a secret to sign with, or an account whose secret it is, there is no webhook", () => {
  const webhook = { url: "https://example.com/" };
  assert.deepEqual(fieldsOf(webhook, { ...SETTINGS, secrets: [] }), ["webhook"]);
  assert.deepEqual(fieldsOf(webhook, SETTINGS, { keyed: false }), ["webhook"]);
});
