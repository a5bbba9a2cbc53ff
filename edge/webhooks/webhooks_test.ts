// If this breaks, an owed call is missed, unsigned, not repeated after a failure, or made twice.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createWebhookDeliveries } from "../../db/webhook_queries.ts";
import { openSqliteDatabase } from "../../db/sqlite/sqlite_database.ts";
import type { LogRecord } from "../observability/log.ts";
import { type CallOutcome, callWebhook, type ResolveHost } from "./webhook_call.ts";
import { accountSecrets } from "./account_secrets.ts";
import type { WebhookEnd } from "./webhook_end.ts";
import { createWebhooks, RETRY_PAUSES_MS } from "./webhooks.ts";

const SECRET = `whsec_${new Uint8Array(24).fill(7).toBase64()}`;
const OLD_SECRET = `whsec_${new Uint8Array(24).fill(8).toBase64()}`;
const SUBJECT = `/v1/generations/${"a".repeat(64)}`;

type Handler = (request: Request, text: string) => Response | Promise<Response>;

interface Stage {
  readonly url: string;
  readonly clock: { now: number };
  readonly logged: LogRecord[];
  readonly work: Promise<unknown>[];
  readonly deliveries: ReturnType<typeof createWebhookDeliveries>;
  handler: Handler;
  create(
    resolveHost?: ResolveHost,
    secrets?: readonly string[],
  ): ReturnType<typeof createWebhooks>;
}

async function withStage(test: (stage: Stage) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "shapefirst_webhooks_" });
  const { database, close } = await openSqliteDatabase(`${folder}/test.sqlite`);
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  const server = Deno.serve(
    options,
    async (request) => await stage.handler(request, await request.text()),
  );
  const deliveries = createWebhookDeliveries(database);
  const stage: Stage = {
    url: `http://127.0.0.1:${server.addr.port}/hook`,
    clock: { now: 1_700_000_000_000 },
    logged: [],
    work: [],
    deliveries,
    handler: () => new Response(null, { status: 204 }),
    create: (resolveHost = null, secrets = [SECRET, OLD_SECRET]) =>
      createWebhooks({
        deliveries,
        settings: { secrets, allowPrivate: true },
        resolveHost,
        now: () => stage.clock.now,
        log: (record) => void stage.logged.push(record),
        keepAlive: (work) => void stage.work.push(work),
      }),
  };
  try {
    await test(stage);
  } finally {
    await server.shutdown();
    close();
    await Deno.remove(folder, { recursive: true });
  }
}

// Webhooks look only at the address and the status.
const END = {
  subject: SUBJECT,
  type: "generation.completed",
  resource: { id: "a", status: "succeeded" },
} as WebhookEnd;

async function promise({ deliveries, url, clock }: Stage, id = "msg_1") {
  await deliveries.promise({ id, subject: SUBJECT, account: "key_1", url }, clock.now);
}

async function settle(stage: Stage, webhooks = stage.create()) {
  await webhooks.settle(END);
  await Promise.all(stage.work.splice(0));
}

Deno.test("A call is signed as Standard Webhooks say, by each secret of its account", async () => {
  await withStage(async (stage) => {
    const seen: { headers: Headers; text: string }[] = [];
    stage.handler = ({ headers }, text) => {
      seen.push({ headers, text });
      return new Response("ignored");
    };
    await promise(stage);
    await settle(stage);
    const [{ headers, text } = { headers: new Headers(), text: "" }] = seen;
    assert.equal(headers.get("webhook-id"), "msg_1");
    assert.equal(headers.get("webhook-timestamp"), "1700000000");
    assert.equal(headers.get("content-type"), "application/json");
    const signed = `msg_1.1700000000.${text}`;
    const expected = (await accountSecrets([SECRET, OLD_SECRET], "key_1")).map((secret) => {
      const hmac = createHmac("sha256", Uint8Array.fromBase64(secret.slice("whsec_".length)));
      return `v1,${hmac.update(signed).digest("base64")}`;
    });
    assert.deepEqual(headers.get("webhook-signature")?.split(" "), expected);
    assert.deepEqual(JSON.parse(text), {
      type: "generation.completed",
      timestamp: "2023-11-14T22:13:20.000Z",
      data: { id: "a", status: "succeeded" },
    });
  });
});

Deno.test("A failed call is made again after growing pauses, under its id, and then given up", async () => {
  await withStage(async (stage) => {
    const ids: (string | null)[] = [];
    stage.handler = ({ headers }) => {
      ids.push(headers.get("webhook-id"));
      return new Response(null, {
        status: ids.length % 2 ? 500 : 302,
        headers: { location: "/x" },
      });
    };
    const webhooks = stage.create();
    await promise(stage);
    await settle(stage, webhooks);
    for (const [i, pause] of RETRY_PAUSES_MS.entries()) {
      stage.clock.now += pause - 1;
      await webhooks.deliverDue();
      assert.equal(ids.length, i + 1, "not before its time");
      stage.clock.now += 1;
      await webhooks.deliverDue();
      assert.equal(ids.length, i + 2);
    }
    stage.clock.now += 100 * 24 * 60 * 60_000;
    await webhooks.deliverDue();
    assert.equal(ids.length, RETRY_PAUSES_MS.length + 1);
    assert.deepEqual([...new Set(ids)], ["msg_1"]);
  });
});

Deno.test("A call that succeeds, or is told 410, is not made again", async () => {
  for (const [status, outcome] of [[200, "delivered"], [410, "gone"]] as const) {
    await withStage(async (stage) => {
      let calls = 0;
      stage.handler = () => new Response(null, { status: (calls++, status) });
      const webhooks = stage.create();
      await promise(stage);
      await settle(stage, webhooks);
      stage.clock.now += 100 * 24 * 60 * 60_000;
      await webhooks.deliverDue();
      assert.equal(calls, 1);
      assert.match(stage.logged[0]?.message ?? "", new RegExp(`attempt 1: ${outcome}$`));
    });
  }
});

Deno.test("Of several processes that find a call due, one makes it", async () => {
  await withStage(async (stage) => {
    let calls = 0;
    stage.handler = () => new Response(null, { status: (calls++, 204) });
    await promise(stage);
    await stage.deliveries.settle(SUBJECT, "{}", stage.clock.now);
    await Promise.all(Array.from({ length: 8 }, () => stage.create().deliverDue()));
    assert.equal(calls, 1);
  });
});

Deno.test("A call whose process was lost in mid-attempt is made by another when its lease has ended", async () => {
  await withStage(async (stage) => {
    let calls = 0;
    stage.handler = () => new Response(null, { status: (calls++, 204) });
    await promise(stage);
    await stage.deliveries.settle(SUBJECT, "{}", stage.clock.now);
    assert(await stage.deliveries.claim("msg_1", stage.clock.now, 60_000));
    await stage.create().deliverDue();
    assert.equal(calls, 0);
    stage.clock.now += 60_000;
    await stage.create().deliverDue();
    assert.equal(calls, 1);
  });
});

Deno.test("Without a secret nothing is called, and what is due stays", async () => {
  await withStage(async (stage) => {
    let calls = 0;
    stage.handler = () => new Response(null, { status: (calls++, 204) });
    await promise(stage);
    const webhooks = stage.create(null, []);
    await settle(stage, webhooks);
    await webhooks.deliverDue();
    assert.equal(calls, 0);
    assert.deepEqual(await stage.deliveries.due(stage.clock.now, 9), ["msg_1"]);
  });
});

Deno.test("A name that stands for any private address is not called", async () => {
  const call = (addresses: readonly string[], url: string): Promise<CallOutcome> =>
    callWebhook(
      {
        settings: { secrets: [SECRET], allowPrivate: false },
        resolveHost: () => Promise.resolve(addresses),
        now: () => 0,
      },
      { id: "msg_1", account: "key_1", url, payload: "{}" },
    );
  await withStage(async (stage) => {
    let calls = 0;
    stage.handler = () => new Response(null, { status: (calls++, 204) });
    for (const address of ["127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1"]) {
      assert.equal(await call(["93.184.215.14", address], stage.url), "refused", address);
    }
    assert.equal(calls, 0);
    assert.equal(await call(["93.184.215.14"], stage.url), "delivered");
  });
});
