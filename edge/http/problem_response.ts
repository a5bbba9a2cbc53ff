/** Problems as HTTP replies (RFC 9457). */
import { createProblem, type Problem } from "../../contract/mod.ts";

/** Seconds that a client should wait after refusals that pass by themselves. */
const RETRY_AFTER_SECONDS: Partial<Record<Problem["code"], number>> = {
  at_capacity: 2,
  gpu_unavailable: 5,
  storage_unavailable: 5,
};

export function problemResponse(problem: Problem, headers: Record<string, string> = {}): Response {
  const retryAfter = problem.retry_after ?? RETRY_AFTER_SECONDS[problem.code];
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: {
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      ...(retryAfter === undefined ? {} : { "retry-after": String(retryAfter) }),
      ...headers,
    },
  });
}

export const JSON_HEADERS = {
  "content-type": "application/json",
  "cache-control": "no-store",
} as const;

export function jsonResponse(
  value: unknown,
  { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { ...JSON_HEADERS, ...headers },
  });
}

export function notFound(detail: string): Response {
  return problemResponse(createProblem("not_found", detail));
}
