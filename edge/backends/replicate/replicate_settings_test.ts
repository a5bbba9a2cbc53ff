import assert from "node:assert/strict";
import { readBackend } from "../backend_settings.ts";

const BASE = { BACKEND: "replicate", REPLICATE_API_TOKEN: "r8_x", REPLICATE_MODEL: "owner/name" };
const HOOK = {
  REPLICATE_WEBHOOK_URL: "https://edge.example/v1/replicate/webhook",
  REPLICATE_WEBHOOK_SECRET: "whsec_dGhlIHNlY3JldCBvZiB0aGUgdGVzdHM=",
};

Deno.test("Without a setting the GPU functions draw, and their calls are not signed", () => {
  assert.deepEqual(readBackend({}), { gpuSecret: null, mixed: false, replicate: null });
  assert.equal(readBackend({ GPU_MIXED: "allow" }).mixed, true);
  assert.throws(
    () => readBackend({ GPU_MIXED: "yes" }),
    /GPU_MIXED must be refuse or allow, given/,
  );
  assert.equal(readBackend({ BACKEND: "gpu", REPLICATE_API_TOKEN: "r8_x" }).replicate, null);
});

Deno.test("What draws on Replicate is read whole", () => {
  assert.deepEqual(readBackend({ ...BASE, ...HOOK, REPLICATE_BASE_URL: "http://a/v1" }).replicate, {
    token: "r8_x",
    target: { model: "owner/name" },
    baseUrl: "http://a/v1",
    webhook: { url: HOOK.REPLICATE_WEBHOOK_URL, secret: HOOK.REPLICATE_WEBHOOK_SECRET },
  });
});

const { REPLICATE_MODEL: _, ...NO_TARGET } = BASE;
const { REPLICATE_WEBHOOK_URL: url, REPLICATE_WEBHOOK_SECRET: secret } = HOOK;

const REFUSALS: readonly [environment: Readonly<Record<string, string>>, sentence: RegExp][] = [
  [{ BACKEND: "cloud" }, /^BACKEND must be "gpu" or "replicate", given "cloud"$/],
  [{ ...BASE, REPLICATE_API_TOKEN: "" }, /^REPLICATE_API_TOKEN must be given/],
  [NO_TARGET, /^Exactly one of REPLICATE_MODEL, REPLICATE_DEPLOYMENT, .* must be set, given none$/],
  [
    { ...BASE, REPLICATE_VERSION: "e".repeat(64) },
    /given REPLICATE_MODEL and REPLICATE_VERSION$/,
  ],
  [{ ...BASE, REPLICATE_MODEL: "name" }, /^REPLICATE_MODEL must be owner\/name, given "name"$/],
  [{ ...NO_TARGET, REPLICATE_VERSION: "v1" }, /^REPLICATE_VERSION must be 64 hex digits/],
  [{ ...BASE, REPLICATE_BASE_URL: "ftp://a" }, /^REPLICATE_BASE_URL must be an http or https URL/],
  [{ ...BASE, REPLICATE_WEBHOOK_URL: url }, /REPLICATE_WEBHOOK_SECRET is missing$/],
  [{ ...BASE, REPLICATE_WEBHOOK_SECRET: secret }, /REPLICATE_WEBHOOK_URL is missing$/],
  [
    { ...BASE, ...HOOK, REPLICATE_WEBHOOK_SECRET: "guessable" },
    /^REPLICATE_WEBHOOK_SECRET must be base64 .*, given "9 characters"$/,
  ],
  [{ GPU_SECRET: "guessable" }, /^GPU_SECRET must be one secret of at least 16 .*"9 characters"$/],
  [{ GPU_SECRET: "one-secret-012345,two" }, /^GPU_SECRET must be one secret/],
];
for (const [environment, sentence] of REFUSALS) {
  Deno.test(`Settings of the back end are refused by name: ${sentence.source.slice(0, 60)}`, () => {
    assert.throws(() => readBackend(environment), ({ message }: Error) => {
      assert.match(message, sentence);
      return !message.includes("guessable");
    });
  });
}
