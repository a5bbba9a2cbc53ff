/** Everything the app may touch outside itself. Small, ours, fakeable without casts. */
import type { GenerationRequest, ModelManifest, Parsed, PlanningModel } from "../contract/mod.ts";
import type { IdempotencyKeys } from "../db/idempotency_queries.ts";
import type { Demos } from "../db/demo_queries.ts";
import type { NumberedEvent, Results } from "../db/result_queries.ts";
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
  /** Where Replicate draws and tells of its ends; absent or null elsewhere. */
  readonly replicateWebhookSecret?: string | null;
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

/** The published models: enough to plan without the GPU function. */
export interface ModelCatalog {
  list(): Promise<readonly ModelManifest[]>;
  find(id: string): Promise<PlanningModel | null>;
}

/**
 * One room per content key, or per sweep. Rooms speak HTTP (`generations/generation_room_routes.ts`,
 * `sweeps/sweep_room_routes.ts`), wherever they live.
 */
export interface Rooms {
  fetch(id: string, request: Request): Promise<Response>;
}

export interface Submission {
  /** The content key. */
  readonly id: string;
  readonly request: GenerationRequest;
  /** Of the request that began the run, for the GPU function's log. */
  readonly request_id?: string | undefined;
  /** Where the run was, in the back end's words, when an earlier process of its room lost it. */
  readonly place?: string | undefined;
  /** Told where the run is, and again when it has gone elsewhere, before its next event. */
  readonly onPlace?: ((place: string) => Promise<void>) | undefined;
}

export interface GpuBackend {
  /**
   * Starts the prediction, or joins it where it runs or has succeeded. The events after the cursor
   * (-1: all) follow, ending with a terminal one. Refuses before the first event; later the events throw
   * ProblemError `upstream_failed`.
   */
  submit(
    submission: Submission,
    after: number,
  ): Promise<Parsed<AsyncGenerator<NumberedEvent>>>;
  cancel(id: string): Promise<Parsed<null>>;
  health(): Promise<GpuHealth>;
}

export interface GpuHealth {
  /** Cog's status, or `UNREACHABLE`; of several the best. */
  readonly status: string;
  /** Each, in the order in which they were set up. */
  readonly functions?: readonly GpuFunctionHealth[];
}

export interface GpuFunctionHealth {
  readonly status: string;
  /** `open` while it is left alone after failures, `half_open` while it is asked whether it is back. */
  readonly circuit: "closed" | "open" | "half_open";
  readonly running?: number;
  readonly queued?: number;
}

export type Log = (record: LogRecord) => void;

/** Never a prompt, never pixels. */
export interface LogRecord extends Partial<Omit<RequestRecord, "request_id">> {
  readonly level: "info" | "error";
  readonly message: string;
  readonly generation?: string | undefined;
  readonly sweep?: string | undefined;
  readonly webhook?: string | undefined;
  readonly room?: string | undefined;
  readonly request_id?: string | undefined;
  readonly cause?: unknown;
}
