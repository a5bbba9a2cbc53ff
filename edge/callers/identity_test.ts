// If this breaks, one caller is taken for another, or an address for too many or few clients.
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Parsed } from "../../contract/mod.ts";
import type { StoredKey } from "../../db/key_queries.ts";
import { cloudflareAddress, localAddress } from "../platforms/client_address.ts";
import { readTierLimits } from "../limits/limit_settings.ts";
import type { LogRecord } from "../observability/log.ts";
import { formatApiKey, makeApiKey, parseApiKey, provesSecret } from "./api_key.ts";
import { anonymousAccount, clientNetwork, isLoopback } from "./client_network.ts";
import type { Caller } from "./caller.ts";
import { type AddressOf, createIdentify } from "./identify.ts";
import { readIdentity } from "./identity_settings.ts";
import { KeyCheck } from "./key_check.ts";
import { createWrongKeys, WRONG_KEYS_A_MINUTE } from "../limits/wrong_key_limiter.ts";

const CHANCE = {
  id: new Uint8Array(8).fill(1),
  secret: new Uint8Array(32).fill(2),
  salt: new Uint8Array(16).fill(3),
};
const { key, proof } = await makeApiKey(CHANCE);
const STORED: StoredKey = {
  id: key.id,
  name: "a",
  ...proof,
  limits: null,
  created_at: 0,
  revoked_at: null,
};

Deno.test("A key is what it was made of, and its proof SHA-256 of salt and secret", async () => {
  const text = formatApiKey(key);
  assert.equal(text, `sf_${"01".repeat(8)}_${"AgIC".repeat(10)}AgI`);
  assert.deepEqual(parseApiKey(text), key);
  // Computed by: (printf '\3%.0s' {1..16}; printf AgIC%.0s {1..10}; printf AgI)
  // sha256sum
  const expected = "c0a13a9a6762662113ed4455894e55d9a35133ce9a1a3f891e9d7543f47104cb";
  assert.equal(proof.hash, expected);
  assert(await provesSecret(proof, key.secret));
  assert(!await provesSecret(proof, key.secret.replace("A", "B")));
  assert(!await provesSecret(null, key.secret));
});

Deno.test("Nothing but a key is taken for one", () => {
  const text = formatApiKey(key);
  const wrong = ["", "sf_", text.slice(1), text.slice(0, -1), `${text}A`, text.toUpperCase()];
  for (const given of [...wrong, `${text}\n`, ` ${text}`]) assert.equal(parseApiKey(given), null);
  fc.assert(fc.property(fc.string(), (given) => assert.equal(parseApiKey(given), null)));
});

function checkOf(find: (id: string) => Promise<StoredKey | null>) {
  const seen = { finds: 0, lists: 0, now: 0, logged: [] as LogRecord[] };
  const check = new KeyCheck({
    keys: {
      find: (id) => {
        seen.finds++;
        return find(id);
      },
      ids: () => {
        seen.lists++;
        return Promise.resolve([key.id]);
      },
    },
    limits: readTierLimits({}).key,
    wrongKeys: createWrongKeys(() => seen.now),
    now: () => seen.now,
    log: (record) => void seen.logged.push(record),
    keepAlive: () => {},
  });
  const header = `Bearer ${formatApiKey(key)}`;
  return {
    check: (given = header, source = "203.0.113.7") => check.check(given, source),
    seen,
  };
}

Deno.test("A key costs one query in five seconds, and lives no longer after it is revoked", async () => {
  let stored = STORED;
  const { check, seen } = checkOf(() => Promise.resolve(stored));
  const first = await check();
  assert(first.ok);
  assert.deepEqual(first.value, { account: key.id, keyed: true, limits: readTierLimits({}).key });
  stored = { ...STORED, revoked_at: 1 };
  seen.now = 4_999;
  assert((await check()).ok);
  assert.equal(seen.finds, 1);
  seen.now = 5_000;
  const refused = await check();
  assert(!refused.ok && refused.problem.code === "unauthorized");
  assert.equal(seen.finds, 2);
});

Deno.test("A key's own limits go before those of the tier", async () => {
  const stored = { ...STORED, limits: { requests_per_minute: 3 } };
  const checked = await checkOf(() => Promise.resolve(stored)).check();
  assert(checked.ok);
  const { key: tier } = readTierLimits({});
  assert.deepEqual(checked.value.limits, { ...tier, requests_per_minute: 3 });
});

Deno.test("Without its database the edge says that a key cannot be checked, not that it is wrong", async () => {
  const { check, seen } = checkOf(() => Promise.reject(new Error("gone")));
  const refused = await check();
  assert(!refused.ok);
  assert.equal(refused.problem.code, "storage_unavailable");
  assert.equal(seen.logged.length, 1);
  await check();
  assert.equal(seen.finds, 2, "what failed is asked again");
});

/** A key with an id that nobody else shows. */
const guess = (i: number) => `Bearer sf_${String(i).padStart(16, "0")}_${"A".repeat(43)}`;
const findOwn = (id: string) => Promise.resolve(id === key.id ? STORED : null);
const codeOf = async (checked: Promise<Parsed<Caller>>) => {
  const parsed = await checked;
  return parsed.ok ? "ok" : parsed.problem.code;
};

const MAX = WRONG_KEYS_A_MINUTE;
const MANY = 10 * MAX;
const GUESSES: readonly (readonly [name: string, header: (i: number) => string])[] = [
  ["ids that nobody has", guess],
  ["one id that nobody has", () => guess(1)],
  ["a right id with a wrong secret", (i) => formatApiKey({ ...key, secret: secretOf(i) })],
  ["what has not the shape of a key", (i) => `Bearer sf_${i}`],
  ["another scheme", (i) => `Basic ${btoa(`a:${i}`)}`],
];
const secretOf = (i: number) => String(i).padStart(43, "0");

for (const [name, header] of GUESSES) {
  for (const atOnce of [true, false]) {
    Deno.test(`Wrong keys of one address are few, and so are their queries: ${name}, ${atOnce ? "at once" : "in turn"}`, async () => {
      const { check, seen } = checkOf(findOwn);
      const codes: string[] = [];
      const attempts = Array.from({ length: MANY }, (_, i) => header(i))
        .map((text) => text.startsWith("sf_") ? `Bearer ${text}` : text);
      if (atOnce) codes.push(...await Promise.all(attempts.map((text) => codeOf(check(text)))));
      else for (const text of attempts) codes.push(await codeOf(check(text)));
      assert.equal(codes.filter((code) => code === "unauthorized").length, MAX);
      assert.equal(codes.filter((code) => code === "rate_limited").length, MANY - MAX);
      // The ids that were asked for, and one look at those that exist.
      assert(seen.finds <= MAX + 1 && seen.lists <= 1, `${seen.finds} ${seen.lists}`);
      assert.equal(await codeOf(check()), "ok", "the right key of the same address");
      assert.equal(await codeOf(check(guess(1), "203.0.113.8")), "unauthorized", "another address");
      seen.now += 60_000 / MAX;
      assert.equal(await codeOf(check(header(0).replace(/^sf_/, "Bearer sf_"))), "unauthorized");
      assert.equal(await codeOf(check(guess(2))), "rate_limited");
    });
  }
}

Deno.test("A refusal of wrong keys says when the next may be shown, and that a right one may at once", async () => {
  const { check } = checkOf(findOwn);
  for (let i = 0; i < MAX; i++) await check(guess(i));
  const refused = await check(guess(MAX));
  assert(!refused.ok);
  assert.equal(refused.problem.status, 429);
  assert.equal(refused.problem.retry_after, 60 / MAX);
  assert.match(refused.problem.detail, /ask again in 2 seconds, or with a right key at once$/);
});

Deno.test("Right keys use up nothing, however many and from wherever", async () => {
  const { check, seen } = checkOf(findOwn);
  const codes = await Promise.all(Array.from({ length: MANY }, () => codeOf(check())));
  assert.deepEqual([...new Set(codes)], ["ok"]);
  seen.now = 5_000;
  assert.equal(await codeOf(check()), "ok");
  for (let i = 0; i < MAX; i++) assert.equal(await codeOf(check(guess(i))), "unauthorized");
});

Deno.test("A database that is away is not held against who shows a key", async () => {
  const { check } = checkOf(() => Promise.reject(new Error("gone")));
  for (let i = 0; i < 2 * MAX; i++) {
    assert.equal(await codeOf(check(guess(i))), "storage_unavailable");
  }
  assert.equal(await codeOf(check("Bearer nonsense")), "unauthorized");
});

Deno.test("Guesses do not make the edge forget a key that it knows", async () => {
  const { check, seen } = checkOf(findOwn);
  await check();
  for (let i = 0; i < 1_500; i++) await check(guess(i), `198.51.100.${i}`);
  const { finds } = seen;
  assert.equal(await codeOf(check()), "ok");
  assert.equal(seen.finds, finds);
});

Deno.test("Clients are counted by IPv4 address, or by /64", () => {
  const names: readonly [address: string | null, name: string, isLoopback?: boolean][] = [
    ["203.0.113.7", "203.0.113.7"],
    ["::ffff:203.0.113.7", "203.0.113.7"],
    ["::ffff:cb00:7107", "203.0.113.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:1:2::", "2001:db8:1:2::/64"],
    ["2001:db8:1:3::", "2001:db8:1:3::/64"],
    ["127.0.0.1", "127.0.0.1", true],
    ["127.8.8.8", "127.8.8.8", true],
    ["::1", "0:0:0:0::/64", true],
    ["::ffff:127.0.0.1", "127.0.0.1", true],
    ["128.0.0.1", "128.0.0.1"],
    ["0.0.0.0", "0.0.0.0"],
    ["localhost", "unknown"],
    ["127.0.0.1:80", "unknown"],
    ["nonsense", "unknown"],
    ["", "unknown"],
    [null, "unknown"],
  ];
  for (const [address, name, isHere = false] of names) {
    assert.equal(clientNetwork(address), name, String(address));
    assert.equal(isLoopback(address), isHere, String(address));
  }
});

Deno.test("An account without a key says nothing of its address, and differs by deployment", async () => {
  const accounts = await Promise.all([
    anonymousAccount("203.0.113.7", "one salt"),
    anonymousAccount("203.0.113.7", "one salt"),
    anonymousAccount("203.0.113.8", "one salt"),
    anonymousAccount("203.0.113.7", "other salt"),
  ]);
  for (const account of accounts) assert.match(account, /^anonymous:[0-9a-f]{16}$/);
  assert.equal(accounts[0], accounts[1]);
  assert.equal(new Set(accounts).size, 3);
});

const HERE = { remoteAddr: { hostname: "127.0.0.1" } };
const FORWARDED = { "x-forwarded-for": "203.0.113.7" };
const SETTINGS = { trustedProxies: 0, proxyHeader: "x-forwarded-for", localCallers: true } as const;

async function callerOf(
  addressOf: AddressOf,
  headers: Record<string, string>,
  platform: unknown = HERE,
): Promise<Caller> {
  const identify = createIdentify({
    keyCheck: { check: () => Promise.reject(new Error("There is no key")) },
    tiers: readTierLimits({}),
    addressOf,
    addressSalt: () => Promise.resolve("a salt"),
  });
  const caller = await identify(new Request("http://127.0.0.1:8787/v1", { headers }), platform);
  assert(caller.ok);
  return caller.value;
}

Deno.test("Who is at the machine has room to try things, where the operator says so, and nobody else", async () => {
  const at = (hostname: string) => ({ remoteAddr: { hostname } });
  const cases: readonly [
    tier: "loopback" | "anonymous",
    headers: Record<string, string>,
    platform: unknown,
    settings?: { readonly trustedProxies?: number; readonly localCallers?: boolean },
  ][] = [
    ["loopback", {}, HERE],
    ["loopback", {}, at("::1")],
    ["loopback", {}, at("::ffff:127.0.0.1")],
    ["loopback", {}, undefined],
    ["anonymous", {}, HERE, { localCallers: false }],
    ["anonymous", {}, undefined, { localCallers: false }],
    ["anonymous", {}, at("203.0.113.7")],
    ["anonymous", {}, at("::ffff:10.0.0.1")],
    ["anonymous", FORWARDED, HERE],
    ["anonymous", { "x-real-ip": "127.0.0.1" }, HERE],
    ["anonymous", { "cf-connecting-ip": "127.0.0.1" }, HERE],
    ["anonymous", FORWARDED, HERE, { trustedProxies: 1 }],
    ["anonymous", {}, HERE, { trustedProxies: 1 }],
    ["anonymous", { "x-forwarded-for": "127.0.0.1" }, HERE, { trustedProxies: 1 }],
    ["anonymous", { "x-forwarded-for": "::1, ::1" }, HERE, { trustedProxies: 2 }],
  ];
  const tiers = readTierLimits({});
  for (const [tier, headers, platform, settings] of cases) {
    const { limits } = await callerOf(
      localAddress({ ...SETTINGS, ...settings }),
      headers,
      platform,
    );
    assert.deepEqual(limits, tiers[tier], JSON.stringify({ headers, platform, settings }));
  }
});

Deno.test("Under wrangler the same holds by the address that it adds", async () => {
  const tiers = readTierLimits({});
  const cases: readonly [
    "loopback" | "anonymous",
    Record<string, string>,
    localCallers?: boolean,
  ][] = [
    ["loopback", { "cf-connecting-ip": "127.0.0.1" }],
    ["loopback", { "cf-connecting-ip": "::1" }],
    ["anonymous", { "cf-connecting-ip": "127.0.0.1" }, false],
    ["anonymous", { "cf-connecting-ip": "203.0.113.7" }],
    ["anonymous", { "cf-connecting-ip": "127.0.0.1, 203.0.113.7" }],
    ["anonymous", { "cf-connecting-ip": "127.0.0.1", ...FORWARDED }],
    ["anonymous", {}],
  ];
  for (const [tier, headers, localCallers = true] of cases) {
    const { limits } = await callerOf(cloudflareAddress({ localCallers }), headers);
    assert.deepEqual(limits, tiers[tier], JSON.stringify(headers));
  }
});

Deno.test("What is asked at the machine and what is passed on there are counted apart", async () => {
  const accounts = async (addressOf: AddressOf, headers: readonly Record<string, string>[]) =>
    await Promise.all(headers.map(async (one) => (await callerOf(addressOf, one)).account));
  const [own, relayed, others] = await accounts(localAddress(SETTINGS), [
    {},
    FORWARDED,
    { via: "1.1 proxy" },
  ]);
  assert.notEqual(own, relayed);
  assert.equal(relayed, others, "a proxy that is not trusted is one client");
  const believed = localAddress({ ...SETTINGS, trustedProxies: 1 });
  const told = await accounts(believed, [FORWARDED, { "x-forwarded-for": "203.0.113.8" }]);
  assert.equal(new Set([own, relayed, ...told]).size, 4);
});

Deno.test("Settings of identity are refused by name, and a secret among them is not repeated", () => {
  assert.deepEqual(readIdentity({}), {
    trustedProxies: 0,
    proxyHeader: "x-forwarded-for",
    localCallers: false,
    addressSalt: null,
    metricsToken: null,
  });
  const set = readIdentity({ PROXY_HEADER: "Forwarded", LOCAL_CALLERS: "ON" });
  assert.deepEqual([set.proxyHeader, set.localCallers], ["forwarded", true]);
  for (
    const [name, allowed] of [
      ["PROXY_HEADER", "x-forwarded-for or forwarded"],
      ["LOCAL_CALLERS", "off or on"],
    ] as const
  ) {
    const message = `${name} must be ${allowed}, given "maybe"`;
    assert.throws(() => readIdentity({ [name]: "maybe" }), { message });
  }
  for (const wrong of ["-1", "10", "yes"]) {
    assert.throws(() => readIdentity({ TRUSTED_PROXIES: wrong }), /TRUSTED_PROXIES must be 0 to 9/);
  }
  for (const name of ["ADDRESS_SALT", "METRICS_TOKEN"]) {
    assert.throws(() => readIdentity({ [name]: "short" }), {
      message: `${name} must be at least 16 characters, given "5 characters"`,
    });
  }
});
