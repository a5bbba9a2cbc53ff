// If this breaks, a proxy on the machine of an edge gives its clients what only its people may have.
import assert from "node:assert/strict";
import { request } from "node:http";
import { startDeno, startWorkerd } from "../support/edges.ts";
import { withGround } from "../support/ground.ts";

interface Answer {
  readonly status: number;
  /** How many requests a minute the caller may make. */
  readonly quota: string | undefined;
  /** How many it has left. */
  readonly remaining: number;
}

/** Asks with header fields that `fetch` would set by itself. */
function ask(
  url: string,
  headers: Record<string, string | string[]> = {},
  path = "/v1/models",
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const asked = request(url + path, { headers, agent: false }, (response) => {
    response.resume();
    const [policy, standing] = [
      response.headers["ratelimit-policy"],
      response.headers["ratelimit"],
    ];
    resolve({
      status: response.statusCode ?? 0,
      quota: /"requests";q=(\d+)/.exec(String(policy))?.[1],
      remaining: Number(/"requests";r=(\d+)/.exec(String(standing))?.[1]),
    });
  });
  asked.on("error", reject);
  asked.end();
  return promise;
}

const LOCAL = "900";
const STRANGER = "50";
const LIMITS = { LOOPBACK_LIMITS: `requests=${LOCAL}`, ANONYMOUS_LIMITS: `requests=${STRANGER}` };

const LOCAL_HEADERS: readonly Record<string, string>[] = [
  {},
  { host: "localhost:80" },
  { origin: "http://localhost:5173" },
  { referer: "http://127.0.0.1:8787/" },
  { "sec-fetch-site": "same-origin" },
];

const RELAYED_HEADERS: readonly Record<string, string | string[]>[] = [
  { "x-forwarded-for": "127.0.0.1" },
  { "x-forwarded-for": "" },
  { "x-forwarded-for": ["127.0.0.1", "127.0.0.1"] },
  { "x-forwarded-host": "localhost" },
  { forwarded: "for=127.0.0.1, for=::1" },
  { via: "1.0 localhost" },
  { "x-real-ip": "::1" },
  { host: "shapefirst.example" },
  { origin: "https://evil.example" },
  { "sec-fetch-site": "cross-site" },
];

const PLATFORMS = [["Deno", startDeno], ["workerd", startWorkerd]] as const;

for (const [name, start] of PLATFORMS) {
  Deno.test(`On ${name} who asks at the machine has its limits, and no proxy's client has`, async (t) => {
    await withGround(async (ground) => {
      const edge = await start({ ...ground, environment: LIMITS });
      const url = edge.url ?? "";
      try {
        for (const headers of LOCAL_HEADERS) {
          await t.step(`here: ${JSON.stringify(headers)}`, async () => {
            assert.equal((await ask(url, headers)).quota, LOCAL);
          });
        }
        for (const headers of RELAYED_HEADERS) {
          await t.step(`not here: ${JSON.stringify(headers)}`, async () => {
            const { status, quota } = await ask(url, headers);
            assert.equal(status, 200);
            assert.equal(quota, STRANGER);
          });
        }
        await t.step("what strangers use up is theirs", async () => {
          const before = await ask(url);
          for (let i = 0; i < 60; i++) await ask(url, { via: "1.1 proxy" });
          assert.equal((await ask(url, { "x-real-ip": "::1" })).status, 429);
          const after = await ask(url);
          assert.equal(after.status, 200);
          assert(after.remaining >= before.remaining - 2, `${before.remaining} ${after.remaining}`);
        });
        await t.step("an address that a tunnel names is a client of its own", async () => {
          const { status, quota } = await ask(url, { "cf-connecting-ip": "203.0.113.7" });
          assert.equal(quota, STRANGER);
          // Deno believes no such field, so all of a tunnel's clients are one there.
          assert.equal(status, name === "Deno" ? 429 : 200);
        });
      } finally {
        await edge.stop();
      }
    });
  });

  Deno.test(`On ${name} nobody is local where the operator does not ask for it`, async () => {
    await withGround(async (ground) => {
      const edge = await start({ ...ground, environment: { ...LIMITS, LOCAL_CALLERS: "off" } });
      try {
        for (const headers of [...LOCAL_HEADERS, { via: "1.1 proxy" }]) {
          assert.equal((await ask(edge.url ?? "", headers)).quota, STRANGER);
        }
      } finally {
        await edge.stop();
      }
    });
  });
}

Deno.test("The counters of an edge on Deno are its operator's alone", async (t) => {
  const token = "a-token-of-this-test";
  const closed: readonly Record<string, string | string[]>[] = [
    ...RELAYED_HEADERS,
    { authorization: `Bearer ${token}x` },
    { authorization: `Bearer ${token.slice(1)}` },
    { authorization: "Bearer" },
    { authorization: `Basic ${btoa(`a:${token}`)}`, via: "1.1 proxy" },
  ];
  const open: readonly Record<string, string>[] = [
    {},
    { authorization: `Bearer ${token}` },
    { authorization: `bearer ${token}`, "x-forwarded-for": "203.0.113.7" },
  ];
  const statusOf = async (url: string | null, headers: Record<string, string | string[]> = {}) =>
    (await ask(url ?? "", headers, "/metrics")).status;
  await withGround(async (ground) => {
    const edge = await startDeno({ ...ground, environment: { METRICS_TOKEN: token } });
    try {
      for (const [status, headers] of [[200, open], [401, closed]] as const) {
        for (const one of headers) {
          await t.step(`${status}: ${JSON.stringify(one)}`, async () => {
            assert.equal(await statusOf(edge.url, one), status);
          });
        }
      }
    } finally {
      await edge.stop();
    }
    const bare = await startDeno({ ...ground, environment: { LOCAL_CALLERS: "off" } });
    try {
      assert.equal(await statusOf(bare.url), 401);
      assert.equal(await statusOf(bare.url, { authorization: "Bearer null" }), 401);
    } finally {
      await bare.stop();
    }
  });
});

const CHAINS = [
  ["x-forwarded-for", (address: string) => address],
  ["forwarded", (address: string) => `for="${address}";proto=https`],
] as const;

for (const [header, entry] of CHAINS) {
  Deno.test(`Clients of a trusted proxy are told apart by ${header}, and invent nothing`, async () => {
    await withGround(async (ground) => {
      const environment = { ...LIMITS, TRUSTED_PROXIES: "1", PROXY_HEADER: header };
      const edge = await startDeno({ ...ground, environment });
      const remaining = async (headers: Record<string, string>) =>
        (await ask(edge.url ?? "", headers)).remaining;
      try {
        const [one, other] = ["203.0.113.7", "[2001:db8::7]"].map(entry);
        assert(one && other);
        const first = await remaining({ [header]: one });
        const invented = [
          `${entry("198.51.100.1")}, ${one}`,
          `127.0.0.1, ${one}`,
          `, ${one}`,
          `${other}, ${one}`,
        ].filter((value) => header === "x-forwarded-for" || !/^(127|,)/.test(value));
        for (const [i, value] of invented.entries()) {
          assert.equal(await remaining({ [header]: value }), first - 1 - i, value);
        }
        assert.equal(await remaining({ [header]: other }), first);
        const ignored = header === "forwarded" ? "x-forwarded-for" : "forwarded";
        const spoofed = { [header]: one, [ignored]: "for=198.51.100.9" };
        assert.equal(await remaining(spoofed), first - 1 - invented.length);
      } finally {
        await edge.stop();
      }
    });
  });
}
