/**
 * Problems in OpenAI's shape, for clients of its dialect. Statuses stay, except an unknown model's.
 */
import type { MiddlewareHandler } from "hono";
import { ERROR_TABLE, type ErrorCode, type Problem } from "../../../contract/mod.ts";

export interface OpenAiError {
  readonly message: string;
  readonly type: "invalid_request_error" | "rate_limit_error" | "server_error";
  /** The first wrong field. */
  readonly param: string | null;
  readonly code: string;
}

/** OpenAI's codes, where it has one; the others are ours. */
const CODES: Partial<Record<ErrorCode, string>> = {
  unknown_model: "model_not_found",
  unauthorized: "invalid_api_key",
  rate_limited: "rate_limit_exceeded",
  prompt_refused: "content_policy_violation",
  image_refused: "content_policy_violation",
};

export function openAiError({ code, detail, status, errors }: Problem): OpenAiError {
  return {
    message: detail,
    type: status >= 500
      ? "server_error"
      : status === 429
      ? "rate_limit_error"
      : "invalid_request_error",
    param: errors?.[0]?.field || null,
    code: openAiCode(code),
  };
}

export function openAiCode(code: ErrorCode): string {
  return CODES[code] ?? code;
}

export function openAiStatus(code: ErrorCode): number {
  return code === "unknown_model" ? 404 : ERROR_TABLE[code].status;
}

/** Wraps everything that answers on a path, refusals of other middleware included. */
export function answerErrorsAsOpenAi(): MiddlewareHandler {
  return async (c, next) => {
    await next();
    const { res } = c;
    if (res.headers.get("content-type") !== "application/problem+json") return;
    const problem: Problem = await res.json();
    const headers = new Headers(res.headers);
    headers.set("content-type", "application/json");
    // Without this header OpenAI's clients repeat every 409 and 5xx.
    headers.set("x-should-retry", String(problem.retryable));
    const body = JSON.stringify({ error: openAiError(problem) });
    c.res = undefined;
    c.res = new Response(body, { status: openAiStatus(problem.code), headers });
  };
}
