// Attacks on identity: guessing keys by time, reading other results, headers, and leaks in logs.
import assert from "node:assert/strict";
import { createKeys } from "../../db/key_queries.ts";
import { logToConsole } from "../../edge/platforms/console_log.ts";
import { openSqliteDatabase } from "../../db/sqlite/sqlite_database.ts";
import { createLocalEdge } from "../../edge/platforms/deno/local_edge.ts";
import { formatApiKey, makeApiKey } from "../../edge/callers/api_key.ts";
import { KeyCheck } from "../../edge/callers/key_check.ts";
import { createWrongKeys } from "../../edge/limits/wrong_key_limiter.ts";
import type { LogRecord } from "../../edge/observability/log.ts";
import { readSettings } from "../../edge/settings.ts";

const draw = (length: number) => crypto.getRandomValues(new Uint8Array(length));
const { key, proof } = await makeApiKey({ id: draw(8), secret: draw(32), salt: draw(16) });
const STORED = {
  id: key.id,
  name: "a",
  ...proof,
  limits: null,
  created_at: 0,
  revoked_at: null as number | null,
};

/** The lengths of all inputs that are hashed while `act` runs. */
async function hashedDuring(act: () => Promise<unknown>): Promise<number[]> {
  const { subtle } = crypto;
  const { digest } = subtle;
  const lengths: number[] = [];
  subtle.digest = (algorithm, data) => {
    lengths.push(data.byteLength);
    return digest.call(subtle, algorithm, data);
  };
  try {
    await act();
  } finally {
    subtle.digest = digest;
  }
  return lengths;
}

Deno.test("A right, a wrong, an unknown and a revoked key make the edge do the same work", async () => {
  const wrong = { id: key.id, secret: key.secret.replace(/^./, (c) => c === "A" ? "B" : "A") };
  const unknown = { id: `key_${"0".repeat(16)}`, secret: key.secret };
  const attempt = async (given: typeof key, revoked_at: number | null) => {
    let finds = 0;
    const check = new KeyCheck({
      keys: {
        find: (id) => {
          finds++;
          return Promise.resolve(id === key.id ? { ...STORED, revoked_at } : null);
        },
        ids: () => Promise.resolve([key.id]),
      },
      wrongKeys: createWrongKeys(() => 0),
      keepAlive: () => {},
      limits: readSettings({}).tiers.key,
      now: () => 0,
      log: () => {},
    });
    const header = `Bearer ${formatApiKey(given)}`;
    const hashed = await hashedDuring(() => check.check(header, "a"));
    // The second time, it is found in memory.
    const remembered = await hashedDuring(() => check.check(header, "a"));
    return { hashed, remembered, finds };
  };
  const right = await attempt(key, null);
  assert(right.hashed.length > 0 && right.remembered.length === right.hashed.length);
  for (const [other, revoked_at] of [[wrong, null], [unknown, null], [key, 1]] as const) {
    assert.deepEqual(await attempt(other, revoked_at), right);
  }
});

/** Runs the whole app in this process, with its log kept as the console would show it. */
async function withApp(
  act: (
    request: (path: string, headers?: Record<string, string>) => Promise<Response>,
  ) => Promise<void>,
  { broken = false } = {},
) {
  const { database, close } = await openSqliteDatabase(":memory:");
  const lines: string[] = [];
  const records: LogRecord[] = [];
  const { app, settled } = createLocalEdge({
    database,
    settings: readSettings({ GPU_URL: "http://127.0.0.1:1", TRUSTED_PROXIES: "1" }),
    readAsset: () => Promise.resolve(null),
    log: (record) => void records.push(record),
  });
  assert.equal(await createKeys(database).find(key.id), null);
  if (broken) close();
  try {
    await act(async (path, headers = {}) => await app.request(path, { headers }));
  } finally {
    await settled();
    const { log, error } = console;
    console.log = console.error = (line: string) => void lines.push(line);
    for (const record of records) logToConsole(record);
    [console.log, console.error] = [log, error];
    if (!broken) close();
  }
  return lines.join("\n");
}

Deno.test("Neither keys nor addresses come into the log, though the database fails", async () => {
  const address = "203.0.113.77";
  const log = await withApp(async (request) => {
    for (const text of [formatApiKey(key), "a-password-of-another-service"]) {
      const headers = { authorization: `Bearer ${text}`, "x-forwarded-for": address };
      const response = await request("/v1/usage", headers);
      assert((await response.text()).includes(text) === false);
    }
    await (await request("/v1/models", { "x-forwarded-for": address })).text();
  }, { broken: true });
  assert.notEqual(log, "");
  for (const secret of [key.secret, proof.hash, "a-password-of-another-service", address]) {
    assert(!log.includes(secret), log);
  }
});

Deno.test("What a client sends in a header is not put into another", async () => {
  await withApp(async (request) => {
    for (const id of ["a b", "<script>", "x".repeat(300), "é"]) {
      const response = await request("/v1/models", { "x-request-id": id });
      assert.notEqual(response.headers.get("x-request-id"), id);
      await response.text();
    }
    const authorization = `Bearer sf_"; error="x", evil="`;
    const response = await request("/v1/usage", { authorization });
    assert.equal(response.status, 401);
    for (const value of response.headers.values()) assert(!value.includes("evil"), value);
    await response.text();
  });
});

Deno.test("Who says in a header that it is another reader, room or address, is not believed", async () => {
  await withApp(async (request) => {
    const id = "e".repeat(64);
    const headers = { "x-reader": key.id, reader: "edge", "x-begun-here": "true" };
    for (const path of [`generations/${id}`, `images/${id}.png`]) {
      const response = await request(`/v1/${path}`, headers);
      assert.equal(response.status, 404);
      await response.text();
      // Nor in the query, which is the room's own and not a client's.
      const asked = await request(`/v1/${path}?reader=edge`, headers);
      assert.equal(asked.status, 400);
      assert.match(await asked.text(), /reader is not a known field of the query/);
    }
    // There is one trusted proxy, so all entries before its own may be invented by the client.
    const remaining = async (chain: string) => {
      const response = await request("/v1/models", { "x-forwarded-for": chain });
      await response.text();
      return Number(/"requests";r=(\d+)/.exec(response.headers.get("ratelimit") ?? "")?.[1]);
    };
    const first = await remaining("198.51.100.1, 203.0.113.9");
    assert.equal(await remaining("198.51.100.2, 203.0.113.9"), first - 1);
  });
});

Deno.test("A path that leaves its folder, in an id or a model's name, leads nowhere", async () => {
  await withApp(async (request) => {
    for (
      const path of [
        "models/..%2f..%2fdeno.json",
        "models/%2e%2e%2fdeno.json",
        "models/.hidden",
        `generations/${"e".repeat(63)}%2f`,
        `images/${"e".repeat(64)}.png%2f..`,
        "images/..%2fsecret.png",
      ]
    ) {
      const response = await request(`/v1/${path}`);
      assert.equal(response.status, 404, path);
      await response.text();
    }
  });
});
