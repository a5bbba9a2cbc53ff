/** Limiters in this process: the only ones on Deno, the fallback on workerd. */
import { AccountLimiter, type LimiterState } from "./account_limiter.ts";
import { answerCall, type Limiters } from "./limiter_call.ts";

/** Beyond it, idle accounts are forgotten, then the longest unseen, whose limits start anew. */
const ACCOUNTS_MAX = 10_000;

/** @param now epoch milliseconds */
export function createLocalLimiters(now: () => number, accountsMax = ACCOUNTS_MAX): Limiters {
  const states = new Map<string, LimiterState>();

  function makeRoom(): void {
    if (states.size <= accountsMax) return;
    for (const [account, state] of states) {
      if (new AccountLimiter(state, state.limits, now()).isIdle) states.delete(account);
    }
    for (const account of states.keys()) {
      if (states.size <= accountsMax) return;
      states.delete(account);
    }
  }

  return {
    call(account, call) {
      const { verdict, limiter } = answerCall(states.get(account) ?? null, call, now());
      // Moves to the last place: the order of the map is the order of the visits.
      states.delete(account);
      if (!limiter.isIdle) states.set(account, limiter.state);
      makeRoom();
      return Promise.resolve(verdict);
    },
  };
}
