/**
 * The limiters of an isolate: the Durable Objects, asked by the handful, and local ones while those
 * are away.
 */
import { createHandfulLimiters } from "../../limits/handful_limiters.ts";
import type { Limiters } from "../../limits/limiter_call.ts";
import { createSteadyLimiters } from "../../limits/steady_limiters.ts";
import { logToConsole } from "../console_log.ts";
import { createDurableLimiters } from "./durable_limiters.ts";

export interface LimiterEnv {
  readonly LIMITERS: Parameters<typeof createDurableLimiters>[0];
}

let limiters: Limiters | null = null;

/** The isolates of rooms use it as well. */
export function limitersOfIsolate({ LIMITERS }: LimiterEnv): Limiters {
  const now = () => Date.now();
  return limiters ??= createHandfulLimiters(
    createSteadyLimiters(createDurableLimiters(LIMITERS), { now, log: logToConsole }),
    now,
  );
}
