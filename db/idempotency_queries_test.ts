import assert from "node:assert/strict";
import { testOnDatabases } from "./fixtures/databases.ts";
import type { SqlDatabase } from "./result_queries.ts";
import { idempotency_keys } from "./schema.ts";
import { createIdempotencyKeys, IDEMPOTENCY_MS, type KeyClaim } from "./idempotency_queries.ts";

const CLAIM: KeyClaim = { account: "key_1", key: "a", fingerprint: "f", seed: 1, now: 0 };

type Test = (given: ReturnType<typeof createIdempotencyKeys>) => Promise<void>;

/** The cases share a database, so each begins by emptying its table. */
const fresh = (test: Test) => async (database: SqlDatabase) => {
  await database.delete(idempotency_keys);
  await test(createIdempotencyKeys(database));
};

testOnDatabases("Idempotency keys", {
  "Of many claims at once one is the first, and all are told its seed": fresh(async (keys) => {
    const claims = Array.from({ length: 40 }, (_, seed) => keys.claim({ ...CLAIM, seed }));
    const claimed = await Promise.all(claims);
    assert.equal(claimed.filter(({ first }) => first).length, 1);
    assert.equal(new Set(claimed.map(({ remembered }) => remembered.seed)).size, 1);
  }),
  "A key is its account's own": fresh(async (keys) => {
    await keys.claim(CLAIM);
    const other = await keys.claim({ ...CLAIM, account: "key_2", fingerprint: "g" });
    assert.deepEqual([other.first, other.remembered.fingerprint], [true, "g"]);
    const same = await keys.claim({ ...CLAIM, fingerprint: "g" });
    assert.deepEqual([same.first, same.remembered.fingerprint], [false, "f"]);
  }),
  "A key keeps the first place it led to, or how it was refused": fresh(async (keys) => {
    await keys.claim(CLAIM);
    await keys.keepLocation(CLAIM, "/1");
    await keys.keepLocation(CLAIM, "/2");
    const { remembered } = await keys.claim(CLAIM);
    assert.deepEqual([remembered.location, remembered.refusal], ["/1", null]);
    const refused = { ...CLAIM, key: "b" };
    await keys.claim(refused);
    await keys.keepRefusal(refused, { status: 400, body: "{}" });
    assert.deepEqual((await keys.claim(refused)).remembered.refusal, { status: 400, body: "{}" });
  }),
  "A key is forgotten after a day, by the clean-up or by its next use": fresh(async (keys) => {
    await keys.claim(CLAIM);
    const at = async (now: number) =>
      (await keys.claim({ ...CLAIM, fingerprint: "g", now })).remembered.fingerprint;
    assert.equal(await at(IDEMPOTENCY_MS - 1), "f");
    assert.equal(await at(IDEMPOTENCY_MS), "g");
    await keys.claim({ ...CLAIM, key: "b" });
    await keys.expire(IDEMPOTENCY_MS - 1);
    assert.equal((await keys.claim({ ...CLAIM, key: "b" })).first, false);
    await keys.expire(IDEMPOTENCY_MS);
    assert.equal((await keys.claim({ ...CLAIM, key: "b" })).first, true);
  }),
});
