/** `GET /metrics`: the counters of this process. Absent on workerd, where isolates are many. */
import type { EdgeApp } from "../http/request_context.ts";
import type { EdgeMetrics } from "../observability/edge_metrics.ts";

export function mountMetrics(app: EdgeApp, metrics: EdgeMetrics): void {
  app.get("/metrics", async () =>
    new Response(await metrics.text(), {
      headers: { "content-type": metrics.contentType, "cache-control": "no-store" },
    }));
}
