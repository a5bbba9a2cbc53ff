// If this breaks, a refused repetition withdraws what the first attempt was promised.
import assert from "node:assert/strict";
import { Hono } from "hono";
import { createWebhookDeliveries } from "../../db/webhook_queries.ts";
import { openSqliteDatabase } from "../../db/sqlite/sqlite_database.ts";
import type { EdgeEnv } from "../http/request_context.ts";
import { readTierLimits } from "../limits/limit_settings.ts";
import type { Ports } from "../ports.ts";
import { answerWithWebhook } from "./webhook_promise.ts";

const ASKED = { url: "https://example.com/", subject: "/v1/elsewhere/1" };

Deno.test("A refused request takes back its own promise, and none that was made before it", async () => {
  const { database, close } = await openSqliteDatabase(":memory:");
  const deliveries = createWebhookDeliveries(database);
  const work: Promise<unknown>[] = [];
  const doubles: Partial<Ports> = {
    webhooks: { deliveries } as Ports["webhooks"],
    now: () => 0,
    log: () => {},
    keepAlive: (promise: Promise<unknown>) => void work.push(promise),
  };
  const ports = doubles as Ports;
  const app = new Hono<EdgeEnv>();
  app.post("/:key/:status", async (c) => {
    c.set("caller", { account: "key_1", keyed: true, limits: readTierLimits({}).key });
    c.set("idempotencyHash", c.req.param("key"));
    const status = Number(c.req.param("status"));
    const answer = () => Promise.resolve(new Response(null, { status }));
    return await answerWithWebhook(ports, c, ASKED, answer);
  });
  const attempt = async (path: string) => {
    await app.request(path, { method: "POST" });
    await Promise.all(work.splice(0));
    return await deliveries.waiting(1, 9);
  };
  try {
    assert.deepEqual(await attempt("/a/503"), []);
    assert.deepEqual(await attempt("/a/200"), [ASKED.subject]);
    assert.deepEqual(await attempt("/a/503"), [ASKED.subject]);
  } finally {
    close();
  }
});
