import assert from "node:assert/strict";
import { MANIFEST, planningModel } from "../contract/fixtures/planning_model.ts";
import { accept, createProblem, refuse } from "../contract/mod.ts";
import type { Results } from "../db/result_queries.ts";
import { createApp } from "./app.ts";
import { NO_READER_CACHE } from "./cache/reader_cache.ts";
import { createLocalLimiters } from "./limits/local_limiters.ts";
import { readTierLimits } from "./limits/limit_settings.ts";
import { createLocalRooms, createLocalSweepRooms } from "./platforms/deno/rooms/local_rooms.ts";
import { OpenStreams } from "./limits/open_streams.ts";
import { promptPolicyOf } from "./policy/prompt_policy.ts";
import { createWebhooks } from "./webhooks/webhooks.ts";
import type { WebhookDeliveries } from "../db/webhook_queries.ts";
import type { GpuBackend } from "./backends/gpu_backend.ts";
import type { Dialect, Ports } from "./ports.ts";
import type { LogRecord } from "./observability/log.ts";
import { readSettings } from "./settings.ts";

const fail = () => Promise.reject(new Error("the database is gone"));
const GONE: Results = {
  has: fail,
  find: fail,
  replay: fail,
  image: fail,
  touch: fail,
  write: fail,
};

const WEBHOOKS_GONE: WebhookDeliveries = {
  promise: fail,
  withdraw: fail,
  settle: fail,
  due: fail,
  claim: fail,
  delivered: fail,
  giveUp: fail,
  retry: fail,
  waiting: fail,
  expire: fail,
};

const AWAY: GpuBackend = {
  submit: () => Promise.resolve(refuse(createProblem("gpu_unavailable", "away"))),
  cancel: () => Promise.resolve(refuse(createProblem("gpu_unavailable", "away"))),
  health: () => Promise.resolve({ status: "UNREACHABLE" }),
};

const CALLER = { account: "key_1", keyed: true, limits: readTierLimits({}).key };

function createTestApp(changes: Partial<Ports> = {}) {
  const logged: LogRecord[] = [];
  const log = (record: LogRecord) => void logged.push(record);
  const shared = {
    results: GONE,
    cache: NO_READER_CACHE,
    gpu: AWAY,
    now: () => 0,
    log,
    keepAlive: () => {},
    limiters: createLocalLimiters(() => 0),
    usage: { days: fail },
    writes: { failing: false },
    usageMeter: { count: () => {} },
    streams: new OpenStreams({ max: 4, now: () => 0 }),
    corsOrigins: ["*"],
    publicAddress: () => "http://localhost",
    afterEnd: () => Promise.resolve(),
  };
  const model = planningModel();
  const sweeps = { find: fail, touch: fail, write: fail };
  const rooms = createLocalRooms(shared);
  const app = createApp({
    ...shared,
    sweeps,
    demos: { list: fail },
    trim: fail,
    identify: () => Promise.resolve(accept(CALLER)),
    webhooks: createWebhooks({
      deliveries: WEBHOOKS_GONE,
      settings: { secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], allowPrivate: false },
      resolveHost: null,
      now: () => 0,
      log,
      keepAlive: () => {},
    }),
    idempotency: { claim: fail, keepLocation: fail, keepRefusal: fail, expire: fail },
    models: {
      list: () => Promise.resolve([MANIFEST]),
      find: (id) => Promise.resolve(id === MANIFEST.id ? model : null),
    },
    promptPolicy: promptPolicyOf(readSettings({}).policy),
    rooms,
    sweepRooms: createLocalSweepRooms({
      ...shared,
      sweeps,
      rooms,
      afterSweepEnd: () => Promise.resolve(),
    }),
    newId: () => "request-1",
    drawSeed: () => 7,
    onRequest: () => {},
    metrics: null,
    dialects: [],
    ...changes,
  });
  return { app, logged };
}

const id = "e".repeat(64);

Deno.test("Without its database the edge does not claim that something does not exist", async () => {
  const { app } = createTestApp();
  const sweep = ["", "/events", "/sheet.svg"].map((part) => `sweeps/${id}${part}`);
  const generation = [`generations/${id}`, `generations/${id}/events`, `images/${id}.png`];
  for (const path of [...generation, ...sweep]) {
    const response = await app.request(`/v1/${path}`);
    assert.equal(response.status, 503, path);
    assert.equal((await response.json()).code, "storage_unavailable");
    assert(Number(response.headers.get("retry-after")) > 0);
  }
});

Deno.test("Without its database the edge plans, and is healthy but for it", async () => {
  const { app } = createTestApp();
  const plan = await app.request("/v1/plans", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: MANIFEST.id, prompt: "a blue bird" }),
  });
  assert.equal((await plan.json()).cached, false);
  const health = await (await app.request("/health")).json();
  assert.deepEqual([health.status, health.database.status], ["ok", "UNREACHABLE"]);
});

Deno.test("A database that answers but takes nothing is told apart from one that is away", async () => {
  for (
    const [failing, has, status] of [
      [false, () => Promise.resolve(false), "READY"],
      [true, () => Promise.resolve(false), "READ_ONLY"],
      [true, fail, "UNREACHABLE"],
      [false, fail, "UNREACHABLE"],
    ] as const
  ) {
    const { app } = createTestApp({ writes: { failing }, results: { ...GONE, has } });
    const health = await (await app.request("/health")).json();
    assert.deepEqual([health.status, health.database.status], ["ok", status]);
  }
});

Deno.test("Without its database the edge refuses what it could not promise, and nothing else", async () => {
  const { app } = createTestApp();
  const submit = async (headers: Record<string, string>, more = {}) => {
    const response = await app.request("/v1/generations", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ model: MANIFEST.id, prompt: "a blue bird", ...more }),
    });
    return (await response.json()).code;
  };
  assert.equal(await submit({ "idempotency-key": "a" }), "storage_unavailable");
  const webhook = { url: "https://example.com/" };
  assert.equal(await submit({}, { webhook }), "storage_unavailable");
  assert.equal(await submit({}), "gpu_unavailable");
});

Deno.test("What nobody expected is answered without a word of its cause", async () => {
  const broken = { list: fail, find: () => Promise.reject(new Error("secret path")) };
  const { app, logged } = createTestApp({ models: broken });
  const response = await app.request(`/v1/models/${MANIFEST.id}`);
  const text = await response.text();
  assert.equal(response.status, 500);
  assert(!text.includes("secret"), text);
  assert.equal(JSON.parse(text).request_id, "request-1");
  assert.equal(logged[0]?.request_id, "request-1");
});

Deno.test("A dialect has its say before anybody is identified, and again with the caller known", async () => {
  const refused = refuse<never>(createProblem("unauthorized", "nobody is known here"));
  const dialect: Dialect = {
    mountBeforeAccess: (app) => void app.post("/v1/signed", (c) => c.text("signed")),
    mountAfterAccess: (app) => void app.get("/v1/asked", (c) => c.text(c.get("caller").account)),
  };
  const known = createTestApp({ dialects: [dialect] }).app;
  assert.equal(await (await known.request("/v1/asked")).text(), "key_1");
  const identify = () => Promise.resolve(refused);
  const unknown = createTestApp({ dialects: [dialect], identify }).app;
  assert.equal(await (await unknown.request("/v1/signed", { method: "POST" })).text(), "signed");
  assert.equal((await unknown.request("/v1/asked")).status, 401);
  assert.equal((await unknown.request("/v1/signed")).status, 401, "a refusal comes after access");
});
