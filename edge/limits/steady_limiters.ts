/** Limiters that answer even when the real ones are away: then this process counts by itself. */
import { within } from "../clock.ts";
import type { Log } from "../observability/log.ts";
import type { Limiters } from "./limiter_call.ts";
import { createLocalLimiters } from "./local_limiters.ts";

const LIMITER_MS = 2_000;

/**
 * Every request is answered and counted even while a limiter is away. Each process then allows the
 * full limits, so an account gets them once for each process that it reaches.
 */
export function createSteadyLimiters(
  limiters: Limiters,
  { now, log }: { readonly now: () => number; readonly log: Log },
): Limiters {
  const own = createLocalLimiters(now);
  return {
    async call(account, call) {
      try {
        return await within(limiters.call(account, call), LIMITER_MS, "Counting");
      } catch (cause) {
        log({ level: "error", message: "The limiter is away; counting here", cause });
        return await own.call(account, call);
      }
    },
  };
}
