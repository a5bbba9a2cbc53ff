/**
 * Wraps every request: its id on the answer and in a problem's body, `Server-Timing`, one line in
 * the log and one count. It is outermost, so that it also sees refusals of other middleware.
 */
import type { Context, MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import { setMetric, wrapTime } from "hono/timing";
import type { Log } from "../observability/log.ts";
import { isWorthLogging, type RequestRecord } from "../observability/request_record.ts";
import type { EdgeEnv } from "./request_context.ts";

export interface TracePorts {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly log: Log;
  /** Counts a request when its answer begins. */
  readonly onRequest: (record: RequestRecord) => void;
}

/** Runs after `requestId` and `timing`. */
export function traceRequests({ now, log, onRequest }: TracePorts): MiddlewareHandler<EdgeEnv> {
  return async (c, next) => {
    const start = now();
    await next();
    const request_id = c.get("requestId");
    await nameProblem(c, request_id);
    c.header("x-request-id", request_id);
    const cache = c.get("cache");
    if (cache) setMetric(c, "cache", cache === "hit" ? "hit" : "miss");
    const record = { ...recordOf(c), request_id, ms: now() - start };
    onRequest(record);
    if (isWorthLogging(record)) log({ level: "info", message: "request", ...record });
  };
}

/** Adds the id to a problem's body, so that a client can quote it. */
async function nameProblem(c: Context<EdgeEnv>, request_id: string): Promise<void> {
  const { res } = c;
  if (res.headers.get("content-type") !== "application/problem+json" || res.body === null) return;
  const problem: Record<string, unknown> = await res.json();
  c.res = new Response(JSON.stringify({ ...problem, request_id }), res);
}

function recordOf(c: Context<EdgeEnv>): Omit<RequestRecord, "request_id" | "ms"> {
  const { method, path } = c.req;
  const [address] = /^\/v1\/(?:generations|sweeps)\/[0-9a-f]{64}/.exec(path) ?? [];
  return {
    method,
    route: routeOf(c),
    status: c.res.status,
    // A request refused before its caller was identified has none.
    account: (c.get("caller") as EdgeEnv["Variables"]["caller"] | undefined)?.account ?? null,
    subject: address ?? c.res.headers.get("location"),
    cache: c.get("cache") ?? null,
  };
}

/** Returns the route without its parameters' patterns. Middleware and the page end in `*`. */
function routeOf(c: Context<EdgeEnv>): string | null {
  const route = matchedRoutes(c).findLast(({ path }) => !path.endsWith("*"));
  return route?.path.replaceAll(/\{[^/]*\}/g, "") ?? null;
}

/** Measures a part of the request for `Server-Timing`. */
export async function timePart<T>(
  c: Context<EdgeEnv>,
  name: "plan" | "db" | "room",
  work: Promise<T>,
): Promise<T> {
  return await wrapTime(c, name, work);
}
