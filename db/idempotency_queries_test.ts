import assert from "node:assert/strict";
import { testOnDatabases } from "./fixtures/databases.ts";
import type { SqlDatabase } from "./result_queries.ts";
import { idempotency_keys } from "./schema.ts";
import {
  type Claimed,
  createIdempotencyKeys,
  IDEMPOTENCY_MS,
  type KeyClaim,
} from "./idempotency_queries.ts";

const CLAIM: KeyClaim = { account: "key_1", key: "a", fingerprint: "f", seed: 1, now: 0 };

type Keys = ReturnType<typeof createIdempotencyKeys>;
/** Where no account comes near its bound, a claim always has an answer. */
type RoomyKeys = Omit<Keys, "claim"> & { claim(claim: KeyClaim): Promise<Claimed> };
type Test = (given: RoomyKeys) => Promise<void>;

/** The cases share a database, so each begins by emptying its table. */
const fresh = (test: Test) => async (database: SqlDatabase) => {
  await database.delete(idempotency_keys);
  const keys = createIdempotencyKeys(database);
  await test({
    ...keys,
    async claim(claim) {
      const claimed = await keys.claim(claim);
      assert(claimed);
      return claimed;
    },
  });
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
  "An account has so many keys and no more, and those that it has stay": async (database) => {
    for (
      const [max, asked, first] of [[1, 3, 1], [2, 2, 2], [5, 9, 5], [3, 0, 0], [10, 4, 4]] as const
    ) {
      await database.delete(idempotency_keys);
      const keys = createIdempotencyKeys(database, max);
      const claims = Array.from({ length: asked }, (_, i) => keys.claim({ ...CLAIM, key: `${i}` }));
      const claimed = await Promise.all(claims);
      assert.equal(claimed.filter((claim) => claim?.first).length, first);
      assert.equal(claimed.filter((claim) => claim === null).length, asked - first);
      if (first === 0) continue;
      assert.equal((await keys.claim({ ...CLAIM, key: "0" }))?.first, false, "it is remembered");
      assert.equal((await keys.claim({ ...CLAIM, account: "key_2" }))?.first, true);
    }
  },
  "A key that was forgotten leaves room for another": async (database) => {
    await database.delete(idempotency_keys);
    const keys = createIdempotencyKeys(database, 1);
    await keys.claim(CLAIM);
    assert.equal(await keys.claim({ ...CLAIM, key: "b", now: 1 }), null);
    await keys.expire(IDEMPOTENCY_MS);
    assert.equal((await keys.claim({ ...CLAIM, key: "b", now: IDEMPOTENCY_MS }))?.first, true);
  },
});
