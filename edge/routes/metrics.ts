/** `GET /metrics`: the counters of this process. Absent on workerd, where isolates are many. */
import { createProblem } from "../../contract/mod.ts";
import type { EdgeApp } from "../http/request_context.ts";
import { problemResponse } from "../http/problem_response.ts";
import type { MetricsPorts } from "../ports.ts";

export function mountMetrics(app: EdgeApp, { counters, mayRead }: MetricsPorts): void {
  app.get("/metrics", async (c) => {
    if (!await mayRead(c.req.raw, c.env)) return problemResponse(NOT_OPEN, CHALLENGE);
    return new Response(await counters.text(), {
      headers: { "content-type": counters.contentType, "cache-control": "no-store" },
    });
  });
}

const NOT_OPEN = createProblem(
  "unauthorized",
  "/metrics must be asked for with the operator's METRICS_TOKEN (Authorization: Bearer), or on " +
    "the machine itself under LOCAL_CALLERS, given neither",
);
const CHALLENGE = { "www-authenticate": 'Bearer realm="shapefirst metrics"' };
