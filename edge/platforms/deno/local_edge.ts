/** The edge in one process: SQLite, rooms here, the same app. `main.ts` serves it. */
import { createIdempotencyKeys } from "../../../db/idempotency_queries.ts";
import { createDemos } from "../../../db/demo_queries.ts";
import type { SqlDatabase } from "../../../db/result_queries.ts";
import { LOCAL_SLICES } from "../../../db/result_replay.ts";
import { createRoomMemories } from "../../../db/room_memory_queries.ts";
import { createWebhookDeliveries } from "../../../db/webhook_queries.ts";
import { createSweeps } from "../../../db/sweep_queries.ts";
import { trimResults } from "../../../db/trim_queries.ts";
import { createApp } from "../../app.ts";
import { WriteHealth } from "../../cache/write_health.ts";
import { HitCounter, rarelyTouched } from "../../cache/hit_counter.ts";
import { dialectsOf } from "../../dialects/dialects.ts";
import { createBackend } from "../../backends/backend.ts";
import { notifyAll } from "../../rooms/end_listeners.ts";
import type { RunEnd } from "../../generations/run.ts";
import { EdgeMetrics } from "../../observability/edge_metrics.ts";
import type { RequestRecord } from "../../observability/request_record.ts";
import { runScheduled } from "../../scheduled.ts";
import { settleRun, settleSweep } from "../../webhooks/webhook_settlement.ts";
import { createWebhooks } from "../../webhooks/webhooks.ts";
import { publicAddressOf } from "../../http/public_address.ts";
import type { EdgeApp } from "../../http/request_context.ts";
import { promptPolicyOf } from "../../policy/prompt_policy.ts";
import { countRun } from "../../limits/usage_meter.ts";
import type { GpuBackend } from "../../backends/gpu_backend.ts";
import { createMayReadMetrics } from "../../callers/metrics_reader.ts";
import type { Log } from "../../observability/log.ts";
import type { EdgeSettings } from "../../settings.ts";
import { localAddress } from "../client_address.ts";
import { createAssetModels, type ReadAsset } from "../asset_models.ts";
import { BACKEND_PORTS } from "../isolate_backend.ts";
import { createLocalAccess } from "./local_access.ts";
import { hostAddresses } from "./host_addresses.ts";
import { createLocalRooms, createLocalSweepRooms } from "./rooms/local_rooms.ts";
import { createProcessCache } from "../process_cache.ts";
import { PendingWork } from "./pending_work.ts";
import { drawSeed } from "../random.ts";
import { stackResults } from "../results_stack.ts";
import { databaseStore, resumeRooms } from "./rooms/remembered_rooms.ts";

export interface LocalEdgePorts {
  readonly database: SqlDatabase;
  readonly settings: EdgeSettings;
  readonly readAsset: ReadAsset;
  readonly log: Log;
  /** Replaces the back end that the settings ask for. */
  readonly gpu?: GpuBackend | undefined;
}

export interface LocalEdge {
  readonly app: EdgeApp;
  /** Resolves when all work after the responses is done. */
  settled(): Promise<void>;
  /** Resumes the runs that an earlier process left, as far as the GPU function lets it. */
  resumeRuns(): Promise<void>;
  /** Does the work that is due every minute or so. */
  runScheduled(): Promise<void>;
}

export function createLocalEdge(
  { database, settings, readAsset, log, gpu }: LocalEdgePorts,
): LocalEdge {
  const work = new PendingWork(log);
  const metrics = new EdgeMetrics(() => work.count);
  const access = createLocalAccess({ database, settings, log, keepAlive: work.keepAlive });
  const cache = createProcessCache();
  const hits = new HitCounter();
  const writes = new WriteHealth();
  const shared = {
    gpu: gpu ?? createBackend(settings, { ...BACKEND_PORTS, log }),
    results: stackResults(database, {
      ...{ policy: settings.policy, slicing: LOCAL_SLICES },
      ...{ cache, hits, writes, log },
    }),
    sweeps: rarelyTouched(createSweeps(database), hits),
    cache,
    writes,
    idempotency: createIdempotencyKeys(database),
    now: () => Date.now(),
    log,
    keepAlive: work.keepAlive,
    ...access,
  };
  const webhooks = createWebhooks({
    ...shared,
    deliveries: createWebhookDeliveries(database),
    settings: settings.webhooks,
    resolveHost: hostAddresses,
    onCall: (outcome) => metrics.countCall(outcome),
  });
  const memories = createRoomMemories(database, "generation");
  const sweepMemories = createRoomMemories(database, "sweep");
  const rooms = createLocalRooms(
    { ...shared, afterEnd: notifyAll([settleRun(webhooks), countRun(shared), meterRuns(metrics)]) },
    (id) => databaseStore(memories, id),
  );
  const sweepRooms = createLocalSweepRooms(
    { ...shared, rooms, afterSweepEnd: settleSweep(webhooks) },
    (id) => databaseStore(sweepMemories, id),
  );
  const ports = {
    ...shared,
    webhooks,
    dialects: dialectsOf(settings),
    demos: createDemos(database),
    trim: (now: number) => trimResults(database, { cacheBytes: settings.cache.bytes, now }),
    metrics: { counters: metrics, mayRead: metricsReader(settings) },
    onRequest: (record: RequestRecord) => metrics.countRequest(record),
    models: createAssetModels(readAsset),
    publicAddress: publicAddressOf({ ...settings, ...settings.identity }),
    promptPolicy: promptPolicyOf(settings.policy),
    rooms,
    sweepRooms,
    newId: () => crypto.randomUUID(),
    drawSeed,
  };
  return {
    app: createApp(ports),
    async resumeRuns() {
      await resumeRooms(rooms, memories, log);
      await resumeRooms(sweepRooms, sweepMemories, log);
    },
    runScheduled: () => runScheduled(ports, Date.now()),
    settled: () => work.settled(() => access.usageMeter.hurry()),
  };
}

function metricsReader({ identity }: EdgeSettings) {
  return createMayReadMetrics(identity.metricsToken, localAddress(identity));
}

function meterRuns(metrics: EdgeMetrics) {
  return ({ event }: RunEnd) => Promise.resolve(metrics.countRun(event));
}
