// A database that hangs: only one call waits, requests that need it are refused, the rest go on.
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { within } from "../../edge/clock.ts";
import { assertProblem, ConformanceClient, idOf } from "../support/conformance_client.ts";
import { startDeno, startWorkerd } from "../support/edges.ts";
import { type Failure } from "./call_faults.ts";
import { CALL_MS } from "./failing_database.ts";
import { arm, countCalls, databaseStatus, FAULTY_WORKER, untilAnswering } from "./fault_client.ts";
import { assertWhole, undisturbedSha256, UNLIMITED, withProcess, withStage } from "./stage.ts";

const SILENCE: Failure = { at: 1, lasting: true, lost: "call", silent: true };
const ENVIRONMENT = {
  ...UNLIMITED,
  DATABASE_SECONDS: "1",
  WEBHOOK_SECRET: `whsec_${new Uint8Array(32).toBase64()}`,
  WEBHOOK_ALLOW_PRIVATE: "1",
};
const BEARER = { authorization: `Bearer sf_${"0".repeat(16)}_${"A".repeat(43)}` };
const AWAY = { status: 503, code: "storage_unavailable" };
const WEBHOOK = { url: "http://127.0.0.1:9/never" };

/** Far more than a right edge takes, and less than one that waits for every call. */
const PATIENCE_MS = 60_000;

/** Checks what a client sees while the database hangs. @returns the request drawn meanwhile */
function askInSilence(client: ConformanceClient) {
  return within(askAll(client), PATIENCE_MS, "Asking");
}

async function askAll(client: ConformanceClient) {
  const request = client.fresh();
  await assertWhole(await client.stream(request), undisturbedSha256(request));
  assert.equal((await client.json(client.fresh())).cached, false);
  const sweep = { base: client.fresh(), cutoffs: [{ a: 0 }, { a: 5 }] };
  const swept = await client.post(sweep, { path: "/v1/sweeps" });
  assert.match(await swept.text(), /event: sweep\.completed/);
  assert.equal(await databaseStatus(client), "UNREACHABLE");
  const refused = [
    client.post(client.fresh(), { headers: { "idempotency-key": "a" } }),
    client.post({ ...client.fresh(), webhook: WEBHOOK }, { headers: BEARER }),
    client.post(client.fresh(), { headers: BEARER }),
    client.request(`/v1/generations/${"0".repeat(64)}`),
    client.request("/v1/demos"),
  ];
  for (const response of await Promise.all(refused)) await assertProblem(response, AWAY);
  return request;
}

/** Checks that, once the database answers, results are stored, with the one drawn meanwhile. */
async function askAgain(client: ConformanceClient, drawn: ReturnType<typeof client.fresh>) {
  for (const request of [drawn, client.fresh()]) {
    const frames = await client.stream(request);
    await assertWhole(frames, undisturbedSha256(request));
    const image = await client.request(`/v1/images/${idOf(frames)}.png`);
    assert.equal(image.status, 200);
    await image.body?.cancel();
  }
  const keyed = await client.post(client.fresh(), { headers: { "idempotency-key": "a" } });
  assert.equal(keyed.status, 200);
  await keyed.body?.cancel();
  const missing = await client.request(`/v1/generations/${"0".repeat(64)}`);
  await assertProblem(missing, { status: 404, code: "not_found" });
}

Deno.test("SQLite that hangs, in process: one call waits for it, and all else at once goes on without", async () => {
  await withStage(async (stage) => {
    const { client, data: { faults, clock } } = stage;
    faults.arm(SILENCE);
    const drawn = await askInSilence(client);
    await stage.settled();
    assert.equal(faults.calls, 1, "its time stands still, so that nobody had to ask again");
    clock.elapse(CALL_MS);
    // The answer of a moment ago still holds, and asks nobody.
    for (let attempt = 0; attempt < 200 && faults.calls < 2; attempt++) {
      assert.equal(await databaseStatus(client), "UNREACHABLE");
      await new Promise((done) => setTimeout(done, 50));
    }
    assert.equal(faults.calls, 2, "one asks whether it is back");
    faults.arm(null);
    clock.elapse(CALL_MS);
    await askAgain(client, drawn);
    await stage.settled();
    await stage.restart();
    assert.equal((await stage.client.json(drawn)).cached, true);
  });
});

Deno.test("SQLite that another process has locked, on Deno: the same", async () => {
  await withProcess(startDeno, { environment: ENVIRONMENT }, async (client, { dataDir }) => {
    const other = new DatabaseSync(`${dataDir}/shapefirst.sqlite`);
    try {
      other.exec("BEGIN EXCLUSIVE");
      const drawn = await askInSilence(client);
      other.exec("ROLLBACK");
      await untilAnswering(client);
      await askAgain(client, drawn);
    } finally {
      other.close();
    }
  });
});

Deno.test("D1 that hangs, on workerd: the same, and few calls find it so", async () => {
  const set = { worker: FAULTY_WORKER, environment: ENVIRONMENT };
  await withProcess(startWorkerd, set, async (client) => {
    await arm(client, SILENCE);
    const drawn = await askInSilence(client);
    const requests = Array.from({ length: 40 }, () => client.fresh());
    await Promise.all(requests.map(async (request) => {
      await assertWhole(await client.stream(request), undisturbedSha256(request));
    }));
    const calls = await countCalls(client);
    assert(calls > 0 && calls < requests.length, `${calls} calls waited`);
    await arm(client, null);
    await untilAnswering(client);
    await askAgain(client, drawn);
  });
});
