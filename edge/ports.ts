/**
 * Everything that the app may touch outside itself, in small interfaces of our own that tests can
 * fake without casts: what its rooms ask for, and what only a route or the schedule touches.
 */
import type { Demos } from "../db/demo_queries.ts";
import type { Trimmed } from "../db/trim_queries.ts";
import type { Usage } from "../db/usage_queries.ts";
import type { WriteHealth } from "./cache/write_health.ts";
import type { GpuBackend } from "./backends/gpu_backend.ts";
import type { AnswerPorts } from "./generations/generation_answer.ts";
import type { PlanningPorts } from "./generations/planning.ts";
import type { AccessPorts } from "./http/access.ts";
import type { PublicAddress } from "./http/public_address.ts";
import type { EdgeApp } from "./http/request_context.ts";
import type { TracePorts } from "./http/request_trace.ts";
import type { IdempotencyPorts } from "./idempotency/idempotency.ts";
import type { EdgeMetrics } from "./observability/edge_metrics.ts";
import type { PromisePorts } from "./webhooks/webhook_promise.ts";

export interface Ports
  extends TracePorts, AccessPorts, IdempotencyPorts, PlanningPorts, AnswerPorts, PromisePorts {
  /** Where clients reach the service, for the URLs in its answers. */
  readonly publicAddress: PublicAddress;
  readonly demos: Pick<Demos, "list">;
  readonly gpu: Pick<GpuBackend, "health">;
  readonly writes: Pick<WriteHealth, "failing">;
  readonly usage: Pick<Usage, "days">;
  /** Deletes the stored results that exceed their budget. */
  readonly trim: (now: number) => Promise<Trimmed>;
  /** The counters that `GET /metrics` shows; null where this process is one of many. */
  readonly metrics: MetricsPorts | null;
  /** Other ways to the same generations, besides our own routes. */
  readonly dialects: readonly Dialect[];
}

export interface MetricsPorts {
  readonly counters: EdgeMetrics;
  /** @param platform what the platform knows of the connection besides the request */
  readonly mayRead: (request: Request, platform: unknown) => Promise<boolean>;
}

/** Another program's API to generations: its routes, refusals, signatures and settings. */
export interface Dialect {
  /** Mounts before the checks of every client: calls without our keys, the shape of refusals. */
  mountBeforeAccess?(app: EdgeApp, ports: Ports): void;
  /** Mounts where the caller is known, and the request is counted. */
  mountAfterAccess?(app: EdgeApp, ports: Ports): void;
}
