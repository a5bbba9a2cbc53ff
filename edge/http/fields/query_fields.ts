/** The fields of a URL's query. A route knows its own; others are refused by name, as in bodies. */
import type { Context, Next } from "hono";
import { matchedRoutes } from "hono/route";
import {
  createFieldProblem,
  cutText,
  FIELD_ISSUES_MAX,
  type FieldIssue,
  fieldIssue,
  type Problem,
  showGiven,
} from "../../../contract/mod.ts";
import { problemResponse } from "../problem_response.ts";
import type { EdgeEnv } from "../request_context.ts";

/**
 * The cursor's names: ours, and those that an EventSource for browsers without one appends to the
 * URL because it cannot set header fields.
 */
export const CURSOR_FIELDS = ["last_event_id", "lastEventId", "Last-Event-ID"] as const;

const CURSOR_AND_PACE = [...CURSOR_FIELDS, "pace"];

/** By the routes' paths; a route that is not here takes no query. */
export const QUERY_FIELDS: Readonly<Record<string, readonly string[]>> = {
  "/v1/generations": CURSOR_AND_PACE,
  "/v1/generations/:id/events": CURSOR_AND_PACE,
  "/v1/sweeps": CURSOR_FIELDS,
  "/v1/sweeps/:id/events": CURSOR_FIELDS,
};

/** Comes before what remembers refusals: another attempt may leave the field out. */
export async function refuseUnknownQuery(
  c: Context<EdgeEnv>,
  next: Next,
): Promise<Response | void> {
  const route = matchedRoutes(c).findLast(({ path, method }) =>
    method !== "ALL" && !path.endsWith("*")
  );
  // What is not there, or not with this method, is refused as such.
  if (!route) return await next();
  const known = QUERY_FIELDS[route.path.replaceAll(/\{[^/]*\}/g, "")] ?? [];
  const problem = queryProblem(new URL(c.req.url).searchParams, known);
  if (problem) return problemResponse(problem);
  await next();
}

/** Returns null where each field is known and given once. */
export function queryProblem(query: URLSearchParams, known: readonly string[]): Problem | null {
  const issues = [...new Set(query.keys())].flatMap((name) => {
    const given = query.getAll(name);
    if (!known.includes(name)) return unknownQueryField(name, known, given[0]);
    return given.length > 1 ? [fieldIssue(name, "given once", given)] : [];
  });
  if (issues.length === 0) return null;
  return createFieldProblem("invalid_request", issues.slice(0, FIELD_ISSUES_MAX));
}

function unknownQueryField(name: string, known: readonly string[], given: unknown): FieldIssue {
  const field = name === "" ? '""' : cutText(name);
  const names = known.join(", ") || "none";
  const message = `${field} is not a known field of the query, known are ${names}`;
  return { field, allowed: names, given: showGiven(given), message };
}
