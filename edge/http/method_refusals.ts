/** A known path with a method it does not have: 405, naming those it has. */
import { createProblem } from "../../contract/mod.ts";
import type { EdgeApp } from "./request_context.ts";
import { problemResponse } from "./problem_response.ts";

/** To be called after all routes: it reads them. */
export function mountMethodRefusals(app: EdgeApp): void {
  const allowed = new Map<string, string[]>();
  for (const { path, method } of app.routes) {
    // Middleware is no route.
    if (method === "ALL") continue;
    const methods = method === "GET" ? ["GET", "HEAD"] : [method];
    allowed.set(path, [...(allowed.get(path) ?? []), ...methods]);
  }
  for (const [path, methods] of allowed) {
    const allow = methods.sort().join(", ");
    app.all(path, (c) => {
      const detail = `The method must be one of ${allow}, given ${c.req.method}`;
      return problemResponse(createProblem("method_not_allowed", detail), { allow });
    });
  }
}
