/** A known path with a wrong method answers 405 and names the right ones. */
import { createProblem } from "../../contract/mod.ts";
import type { EdgeApp } from "./request_context.ts";
import { problemResponse } from "./problem_response.ts";

/** Must be called after all routes are added, since it reads them. */
export function mountMethodRefusals(app: EdgeApp): void {
  const allowed = new Map<string, string[]>();
  for (const { path, method } of app.routes) {
    // Middleware is listed among the routes.
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
