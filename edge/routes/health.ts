/** `GET /health`: always 200 while the edge runs; the body has the state of the rest. */
import type { EdgeApp } from "../http/request_context.ts";
import type { Ports } from "../ports.ts";
import { jsonResponse } from "../http/problem_response.ts";
import { lookUp } from "../generations/result_lookup.ts";

export function mountHealth(app: EdgeApp, ports: Ports): void {
  app.get("/health", async () => {
    const [gpu, database, models] = await Promise.all([
      ports.gpu.health(),
      lookUp(ports, (results) => results.has("")),
      ports.models.list().catch(() => []),
    ]);
    return jsonResponse({
      status: "ok",
      gpu,
      database: { status: database.available ? "READY" : "UNREACHABLE" },
      models: models.map(({ id }) => id),
    });
  });
}
