import assert from "node:assert/strict";
import { testOnDatabases } from "./fixtures/databases.ts";
import type { SqlDatabase } from "./result_queries.ts";
import { webhook_deliveries } from "./schema.ts";
import { createWebhookDeliveries } from "./webhook_queries.ts";

const CALL = { id: "msg_1", subject: "/a", account: "key_1", url: "https://example.com/" };

type Test = (given: ReturnType<typeof createWebhookDeliveries>) => Promise<void>;

/** The cases share a database, so each begins by emptying its table. */
const fresh = (test: Test) => async (database: SqlDatabase) => {
  await database.delete(webhook_deliveries);
  await test(createWebhookDeliveries(database));
};

testOnDatabases("Webhook deliveries", {
  "A promise waits for its own subject, and is due with its end": fresh(async (deliveries) => {
    await deliveries.promise(CALL, 0);
    await deliveries.promise({ ...CALL, id: "msg_2", subject: "/b" }, 0);
    assert.deepEqual(await deliveries.due(9, 9), []);
    assert.deepEqual(await deliveries.settle("/a", "{}", 5), ["msg_1"]);
    assert.deepEqual(await deliveries.settle("/a", "other", 6), [], "the first end stays");
    assert.deepEqual([await deliveries.due(4, 9), await deliveries.due(5, 9)], [[], ["msg_1"]]);
    assert.deepEqual(await deliveries.claim("msg_1", 5, 10), {
      ...CALL,
      payload: "{}",
      attempts: 1,
    });
    assert.equal(await deliveries.claim("msg_1", 14, 10), null, "leased");
    assert.equal((await deliveries.claim("msg_1", 15, 10))?.attempts, 2);
  }),
  "A promise made twice is one, and taken back only while it waits": fresh(async (deliveries) => {
    assert.equal(await deliveries.promise(CALL, 0), true);
    assert.equal(await deliveries.promise(CALL, 1), false);
    assert.deepEqual(await deliveries.settle("/a", "{}", 5), ["msg_1"]);
    await deliveries.withdraw("msg_1");
    assert.deepEqual(await deliveries.due(5, 9), ["msg_1"]);
    await deliveries.promise({ ...CALL, id: "msg_2" }, 0);
    await deliveries.withdraw("msg_2");
    assert.deepEqual(await deliveries.settle("/a", "{}", 5), []);
  }),
  "A call that is over is not due, and forgets what it said": fresh(async (deliveries) => {
    for (const id of ["msg_1", "msg_2", "msg_3"]) await deliveries.promise({ ...CALL, id }, 0);
    await deliveries.settle("/a", "{}", 5);
    await deliveries.delivered("msg_1");
    await deliveries.giveUp("msg_2");
    await deliveries.retry("msg_3", 50);
    await deliveries.retry("msg_1", 50);
    assert.deepEqual([await deliveries.due(49, 9), await deliveries.due(50, 9)], [[], ["msg_3"]]);
    assert.equal(await deliveries.claim("msg_1", 50, 9), null);
  }),
  "Waiting subjects are named once, the oldest first, and given up when they are old": fresh(
    async (deliveries) => {
      await deliveries.promise({ ...CALL, id: "msg_1", subject: "/b" }, 2);
      await deliveries.promise({ ...CALL, id: "msg_2", subject: "/a" }, 1);
      await deliveries.promise({ ...CALL, id: "msg_3", subject: "/a" }, 3);
      await deliveries.promise({ ...CALL, id: "msg_4", subject: "/c" }, 9);
      assert.deepEqual(await deliveries.waiting(9, 9), ["/a", "/b"]);
      await deliveries.expire(3);
      assert.deepEqual(await deliveries.settle("/b", "{}", 10), []);
      assert.deepEqual(await deliveries.settle("/a", "{}", 10), ["msg_3"]);
      await deliveries.delivered("msg_3");
      await deliveries.expire(4);
      await deliveries.promise({ ...CALL, id: "msg_3", subject: "/d" }, 11);
      assert.deepEqual(await deliveries.settle("/d", "{}", 12), ["msg_3"], "it was forgotten");
    },
  ),
});
