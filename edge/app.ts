/** The edge as one app over its ports, independent of any platform. */
import { Hono } from "hono";
import { requestId } from "hono/request-id";
import { timing } from "hono/timing";
import { mountAccess } from "./http/access.ts";
import type { EdgeApp, EdgeVariables } from "./http/request_context.ts";
import { createProblem, ProblemError } from "../contract/mod.ts";
import { keepIdempotent } from "./idempotency/idempotency.ts";
import { mountMethodRefusals } from "./http/method_refusals.ts";
import { traceRequests } from "./http/request_trace.ts";
import type { Ports } from "./ports.ts";
import { notFound, problemResponse } from "./http/problem_response.ts";
import { mountDemos } from "./routes/demos.ts";
import { mountGenerations } from "./routes/generations.ts";
import { mountHealth } from "./routes/health.ts";
import { mountImages } from "./routes/images.ts";
import { mountMetrics } from "./routes/metrics.ts";
import { mountModels } from "./routes/models.ts";
import { mountOpenApi } from "./routes/openapi.ts";
import { mountPlans } from "./routes/plans.ts";
import { mountWebhookSecrets } from "./routes/webhook_secrets.ts";
import { mountUsage } from "./routes/usage.ts";
import { mountSweeps } from "./routes/sweeps.ts";

export function createApp(ports: Ports): EdgeApp {
  const app = new Hono<{ Variables: EdgeVariables }>();
  app.use(requestId({ generator: ports.newId }));
  app.use(timing());
  app.use(traceRequests(ports));
  for (const dialect of ports.dialects) dialect.mountBeforeAccess?.(app, ports);
  mountAccess(app, ports);
  app.use("/v1/*", keepIdempotent(ports));
  mountGenerations(app, ports);
  mountSweeps(app, ports);
  mountImages(app, ports);
  for (const dialect of ports.dialects) dialect.mountAfterAccess?.(app, ports);
  mountDemos(app, ports);
  mountPlans(app, ports);
  mountModels(app, ports);
  mountOpenApi(app, ports);
  mountUsage(app, ports);
  mountWebhookSecrets(app, ports);
  mountHealth(app, ports);
  if (ports.metrics) mountMetrics(app, ports.metrics);
  mountMethodRefusals(app);
  app.notFound((c) => notFound(`There is nothing at ${c.req.path.slice(0, 100)}`));
  app.onError((cause, c) => {
    if (cause instanceof ProblemError) return problemResponse(cause.problem);
    const request_id = c.get("requestId");
    const message = `${c.req.method} ${c.req.path} failed`;
    ports.log({ level: "error", message, request_id, cause });
    const detail = "The edge failed; its log has more under request_id";
    return problemResponse(createProblem("internal", detail));
  });
  return app;
}
