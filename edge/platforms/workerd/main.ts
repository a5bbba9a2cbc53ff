/** Entrypoint on Cloudflare's workerd: D1, Durable Objects, static assets. */
import { waitUntil } from "cloudflare:workers";
import { createIdempotencyKeys } from "../../../db/idempotency_queries.ts";
import { createDemos } from "../../../db/demo_queries.ts";
import { createSweeps } from "../../../db/sweep_queries.ts";
import { trimResults } from "../../../db/trim_queries.ts";
import { type AnalyticsDataset, writeRequest } from "./analytics.ts";
import { createAssetModels } from "../asset_models.ts";
import { logToConsole } from "../console_log.ts";
import { type DatabaseEnv, databaseOf } from "./d1_database.ts";
import { resultsOf } from "./d1_results.ts";
import { webhooksOf } from "./d1_webhooks.ts";
import { createDurableRooms, type RoomEnv } from "./durable_rooms.ts";
import { accessOfIsolate } from "./isolate_access.ts";
import { backendOfIsolate } from "../isolate_backend.ts";
import { readerCacheOfIsolate } from "./isolate_reader_cache.ts";
import { drawSeed } from "../random.ts";
import { createApp } from "../../app.ts";
import { publicAddressOf } from "../../http/public_address.ts";
import type { EdgeApp } from "../../http/request_context.ts";
import { rarelyTouched } from "../../cache/hit_counter.ts";
import { dialectsOf } from "../../dialects/dialects.ts";
import { promptPolicyOf } from "../../policy/prompt_policy.ts";
import type { ModelCatalog } from "../../generations/planning.ts";
import type { Ports } from "../../ports.ts";
import { runScheduled } from "../../scheduled.ts";
import { readSettings } from "../../settings.ts";

export { LimiterObject } from "./durable_limiters.ts";
export { JobRoomObject, SweepRoomObject } from "./durable_rooms.ts";

interface WorkerEnv extends RoomEnv {
  readonly DB: DatabaseEnv["DB"];
  readonly ROOMS: Parameters<typeof createDurableRooms>[0];
  readonly SWEEP_ROOMS: Parameters<typeof createDurableRooms>[0];
  /** Optional. */
  readonly ANALYTICS?: AnalyticsDataset;
  readonly ASSETS: { fetch(url: string): Promise<Response> };
}

// Made once per isolate, since it keeps the tokenisers that have been read.
let models: ModelCatalog | null = null;

function modelsOf({ ASSETS }: WorkerEnv): ModelCatalog {
  return models ??= createAssetModels(async (path) => {
    const response = await ASSETS.fetch(`http://assets${path}`);
    if (response.status === 404) return null;
    if (!response.ok) throw new Error(`Asset ${path} answered ${response.status}`);
    return await response.json();
  });
}

function portsOf(env: WorkerEnv): Ports {
  const settings = readSettings(env);
  const database = databaseOf(env);
  // Belongs to whichever request is being answered.
  const keepAlive = (work: Promise<unknown>) => waitUntil(work);
  const { cache, hits, writes } = readerCacheOfIsolate();
  return {
    ...accessOfIsolate(env, settings),
    models: modelsOf(env),
    publicAddress: publicAddressOf({ ...settings, ...settings.identity }),
    promptPolicy: promptPolicyOf(settings.policy),
    results: resultsOf(env),
    sweeps: rarelyTouched(createSweeps(database), hits),
    demos: createDemos(database),
    cache,
    writes,
    trim: (now) => trimResults(database, { cacheBytes: settings.cache.bytes, now }),
    idempotency: createIdempotencyKeys(database),
    webhooks: webhooksOf(env, keepAlive),
    rooms: createDurableRooms(env.ROOMS),
    sweepRooms: createDurableRooms(env.SWEEP_ROOMS),
    gpu: backendOfIsolate(settings),
    dialects: dialectsOf(settings),
    now: () => Date.now(),
    newId: () => crypto.randomUUID(),
    drawSeed,
    log: logToConsole,
    onRequest: (record) => writeRequest(env.ANALYTICS, record),
    metrics: null,
    keepAlive,
  };
}

// Made once per isolate: its routes are more work than a cached answer.
let app: EdgeApp | null = null;

interface ScheduledController {
  /** When it was due, epoch milliseconds. */
  readonly scheduledTime: number;
}

/** When the round of scheduled work under way in this isolate began; null without one. */
let roundBegan: number | null = null;
/** A round that takes longer is taken for lost. */
const ROUND_MS = 60_000;

export default {
  async fetch(request: Request, env: WorkerEnv): Promise<Response> {
    app ??= createApp(portsOf(env));
    return await app.fetch(request);
  },

  /**
   * The cron trigger calls it every minute. Under wrangler so does a URL, as often as it is asked for
   * and with a time of the caller's choice: a time to come would delete what was promised until
   * then, and rounds side by side would each add up all results.
   */
  async scheduled({ scheduledTime }: ScheduledController, env: WorkerEnv): Promise<void> {
    const now = Date.now();
    if (roundBegan !== null && now - roundBegan < ROUND_MS) return;
    roundBegan = now;
    try {
      await runScheduled(portsOf(env), Math.min(scheduledTime, now));
    } finally {
      roundBegan = null;
    }
  },
};
