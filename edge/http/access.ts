/**
 * What every request passes before its route: identifying its caller, and that account's limits.
 */
import type { Context, Next } from "hono";
import { createProblem, type UsageCounts } from "../../contract/mod.ts";
import { allowOrigins } from "./cross_origin.ts";
import { refuseUnknownQuery } from "./fields/query_fields.ts";
import { type EdgeApp, type EdgeEnv } from "./request_context.ts";
import { limitProblem } from "../limits/admission.ts";
import { rateLimitHeaders } from "../limits/rate_limit_headers.ts";
import type { Limiters } from "../limits/limiter_call.ts";
import type { OpenStreams } from "../limits/open_streams.ts";
import type { UsageMeter } from "../limits/usage_meter.ts";
import type { Identify } from "../callers/identify.ts";
import { boundStreams } from "./stream_bounds.ts";
import { problemResponse } from "./problem_response.ts";
import { boundsProblem } from "./request_bounds.ts";
import { securityHeaders } from "./security_headers.ts";

export interface AccessPorts {
  readonly identify: Identify;
  readonly limiters: Limiters;
  readonly usageMeter: Pick<UsageMeter, "count">;
  readonly streams: Pick<OpenStreams, "enter">;
  /** `*` alone, or the origins whose pages may call. */
  readonly corsOrigins: readonly string[];
  /** Lets work go on after the response (`ctx.waitUntil` on workerd). */
  readonly keepAlive: (work: Promise<unknown>) => void;
}

/** As for a reader of a run under way (`rooms/event_stream.ts`). */
const STALLED_MS = 5 * 60_000;

/** Must be called before the routes are added. */
export function mountAccess(app: EdgeApp, ports: AccessPorts): void {
  for (const path of ["/v1/*", "/health"]) {
    app.use(path, securityHeaders(ports.corsOrigins.includes("*")));
    app.use(path, allowOrigins(ports.corsOrigins));
    app.use(path, boundRequests);
  }
  app.use("/v1/*", (c, next) => identifyCaller(ports, c, next));
  app.use("/v1/*", (c, next) => limitRequests(ports, c, next));
  app.use("/v1/*", refuseUnknownQuery);
  app.use("/v1/*", boundStreams({ ...ports, stalledMs: STALLED_MS }));
}

async function boundRequests(c: Context<EdgeEnv>, next: Next): Promise<Response | void> {
  const problem = boundsProblem(c.req.raw);
  if (problem) return problemResponse(problem);
  await next();
}

async function identifyCaller(
  { identify }: AccessPorts,
  c: Context<EdgeEnv>,
  next: Next,
): Promise<Response | void> {
  const caller = await identify(c.req.raw, c.env);
  if (!caller.ok) {
    const isUnauthorized = caller.problem.code === "unauthorized";
    return problemResponse(caller.problem, isUnauthorized ? CHALLENGE : {});
  }
  c.set("caller", caller.value);
  await next();
}

/** The challenge of RFC 6750, section 3. */
const CHALLENGE = {
  "www-authenticate": 'Bearer realm="shapefirst", error="invalid_token"',
};

/** @param what is shown only to accounts with a key */
export function refuseKeyless(what: string): Response {
  const detail = `${what} must be asked for with an API key in Authorization, given none`;
  return problemResponse(createProblem("unauthorized", detail), CHALLENGE);
}

/** Counts the request, and adds the account's standing to every answer. */
async function limitRequests(
  ports: AccessPorts,
  c: Context<EdgeEnv>,
  next: Next,
): Promise<Response | void> {
  const { limiters } = ports;
  const { account, limits } = c.get("caller");
  const verdict = await limiters.call(account, { action: "request", limits });
  const problem = limitProblem(verdict);
  if (problem) {
    countUse(ports, account, { requests: 1, refused: 1 });
    return problemResponse(problem, rateLimitHeaders(verdict.standing));
  }
  await next();
  countUse(ports, account, {
    requests: 1,
    refused: c.res.status >= 400 ? 1 : 0,
    generations: c.get("answeredBy") === "room" ? 1 : 0,
    hits: c.get("answeredBy") === "store" ? 1 : 0,
  });
  const isLimited = c.res.status === 429;
  const { standing } = isLimited
    ? await limiters.call(account, { action: "look", limits })
    : verdict;
  for (const [name, value] of Object.entries(rateLimitHeaders(standing))) c.header(name, value);
}

function countUse(
  { usageMeter, keepAlive }: AccessPorts,
  account: string,
  counts: Partial<UsageCounts>,
): void {
  usageMeter.count(account, counts, keepAlive);
}
