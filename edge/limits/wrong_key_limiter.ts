/**
 * Counts the wrong keys of each address in this process. An attempt is counted before its key is
 * looked up, so that many at once are not all let through, and given back where the key is right.
 */
import type { AccountLimits } from "../../contract/mod.ts";
import type { WrongKeys } from "../callers/key_check.ts";
import { createLocalLimiters } from "./local_limiters.ts";

/** Far more than a person mistypes, far fewer than a guess needs. */
export const WRONG_KEYS_A_MINUTE = 30;

/** An attempt is the one unit of a run. Other limits do not apply. */
const LIMITS: AccountLimits = {
  requests_per_minute: 1,
  evaluations_per_minute: WRONG_KEYS_A_MINUTE,
  concurrent_generations: 1_000_000,
};

/** @param now epoch milliseconds */
export function createWrongKeys(now: () => number): WrongKeys {
  const limiters = createLocalLimiters(now);
  let attempts = 0;
  return {
    async begin(source) {
      const run = String(attempts++);
      const begin = { action: "begin", run, evaluations: 1, limits: LIMITS } as const;
      const { refusal } = await limiters.call(source, begin);
      return {
        waitSeconds: refusal?.retry_after ?? 0,
        async end(wasWrong) {
          const spent = wasWrong ? 1 : 0;
          await limiters.call(source, { action: "end", run, spent, limits: LIMITS });
        },
      };
    },
  };
}
