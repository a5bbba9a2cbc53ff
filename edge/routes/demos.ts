/** `GET /v1/demos`: curated results, there at once and without the GPU function. */
import { createProblem } from "../../contract/mod.ts";
import { describeDemo } from "../generations/demo_resource.ts";
import type { EdgeApp } from "../http/request_context.ts";
import type { Ports } from "../ports.ts";
import { jsonResponse, problemResponse } from "../http/problem_response.ts";
import { lookUp } from "../generations/result_lookup.ts";

const KEY = "demos";
/** An added or removed demo shows after this long. */
const SECONDS = 60;

export function mountDemos(app: EdgeApp, ports: Ports): void {
  app.get("/v1/demos", async () => {
    const cached = await ports.cache.match(KEY);
    if (cached) return cached;
    const listed = await lookUp(ports, () => ports.demos.list());
    if (!listed.value) {
      const detail = "The database is not available, so the demos cannot be listed";
      return problemResponse(createProblem("storage_unavailable", detail));
    }
    const demos = listed.value.flatMap((demo) => describeDemo(demo) ?? []);
    const headers = { "cache-control": `public, max-age=${SECONDS}` };
    const response = jsonResponse({ demos }, { headers });
    ports.keepAlive(ports.cache.put(KEY, response.clone()));
    return response;
  });
}
