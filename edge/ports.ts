/** Everything the app may touch outside itself. Small, ours, fakeable without casts. */
import type { ModelManifest, PlanningModel } from "../contract/mod.ts";
import type { IdempotencyKeys } from "../db/idempotency_queries.ts";
import type { Demos } from "../db/demo_queries.ts";
import type { Results } from "../db/result_queries.ts";
import type { Sweeps } from "../db/sweep_queries.ts";
import type { Usage } from "../db/usage_queries.ts";
import type { Trimmed } from "../db/trim_queries.ts";
import type { ColoCache } from "./cache/colo_cache.ts";
import type { PromptPolicy } from "./policy/prompt_policy.ts";
import type { Identify } from "./callers/identify.ts";
import type { Limiters } from "./limits/limiter_call.ts";
import type { UsageMeter } from "./limits/usage_meter.ts";
import type { EdgeMetrics } from "./observability/edge_metrics.ts";
import type { RequestRecord } from "./observability/request_record.ts";
import type { Webhooks } from "./webhooks/webhooks.ts";
import type { GpuBackend } from "./backends/gpu_backend.ts";
import type { EdgeApp } from "./http/edge_app.ts";
import type { Log } from "./observability/log.ts";
import type { Rooms } from "./rooms/rooms.ts";

export interface Ports {
  readonly models: ModelCatalog;
  readonly promptPolicy: PromptPolicy;
  readonly results: Results;
  readonly sweeps: Sweeps;
  readonly demos: Pick<Demos, "list">;
  readonly cache: ColoCache;
  /** Deletes what goes beyond the budget of the stored results. */
  readonly trim: (now: number) => Promise<Trimmed>;
  readonly idempotency: IdempotencyKeys;
  readonly identify: Identify;
  readonly limiters: Limiters;
  readonly usage: Pick<Usage, "days">;
  /** `*` alone, or the origins whose pages may call. */
  readonly corsOrigins: readonly string[];
  readonly usageMeter: Pick<UsageMeter, "count">;
  readonly webhooks: Webhooks;
  readonly rooms: Rooms;
  readonly sweepRooms: Rooms;
  readonly gpu: Pick<GpuBackend, "health">;
  /** Other ways to the same generations, beside our own routes. */
  readonly dialects: readonly Dialect[];
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly newId: () => string;
  /** An integer from 0 to `LIMITS.seedMax`. */
  readonly drawSeed: () => number;
  readonly log: Log;
  /** Counts a request when its answer begins. */
  readonly onRequest: (record: RequestRecord) => void;
  /** The counters that `GET /metrics` shows; null where this process is one of many. */
  readonly metrics: EdgeMetrics | null;
  /** Lets work go on after the response (`ctx.waitUntil` on workerd). */
  readonly keepAlive: (work: Promise<unknown>) => void;
}

/** How another program speaks of generations: its routes, its refusals, its signatures. It has its settings. */
export interface Dialect {
  /** In front of what every client passes: for calls without a key of ours, and for how refusals look. */
  mountBeforeAccess?(app: EdgeApp, ports: Ports): void;
  /** Here the caller is known, and the request is counted. */
  mountAfterAccess?(app: EdgeApp, ports: Ports): void;
}

/** The published models: enough to plan without the GPU function. */
export interface ModelCatalog {
  list(): Promise<readonly ModelManifest[]>;
  find(id: string): Promise<PlanningModel | null>;
}
