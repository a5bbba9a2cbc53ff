/** The calls to an account's limiter: plain data, the same in process and to a Durable Object. */
import type { AccountLimits } from "../../contract/mod.ts";
import { AccountLimiter, type LimiterState, type Verdict } from "./account_limiter.ts";

export type LimiterCall =
  & { readonly limits: AccountLimits }
  & (
    | { readonly action: "look" }
    | { readonly action: "request"; readonly count?: number }
    | { readonly action: "begin"; readonly run: string; readonly evaluations: number }
    | { readonly action: "end"; readonly run: string; readonly spent: number }
  );

/** One limiter for each account, wherever it lives. */
export interface Limiters {
  call(account: string, call: LimiterCall): Promise<Verdict>;
}

/** @param state null for an account that is new, or has been idle */
export function answerCall(
  state: LimiterState | null,
  call: LimiterCall,
  now: number,
): { readonly verdict: Verdict; readonly limiter: AccountLimiter } {
  const limiter = new AccountLimiter(state, call.limits, now);
  return { verdict: act(limiter, call), limiter };
}

function act(limiter: AccountLimiter, call: LimiterCall): Verdict {
  switch (call.action) {
    case "request":
      return limiter.takeRequests(call.count ?? 1);
    case "begin":
      return limiter.begin(call.run, call.evaluations);
    case "end":
      return limiter.end(call.run, call.spent);
    case "look":
      return { granted: 0, refusal: null, standing: limiter.standing };
  }
}
