/**
 * Saves calls to remote limiters: where an account may make many requests, a process takes a
 * handful of them at once and gives them out for a moment. The limit still holds; the account loses
 * what is left of a handful.
 */
import type { AccountLimits } from "../../contract/mod.ts";
import { BoundedMap } from "../bounded_map.ts";
import type { Standing, Verdict } from "./account_limiter.ts";
import type { LimiterCall, Limiters } from "./limiter_call.ts";

/** A handful is this part of a minute's requests, so small limits are asked for one by one. */
const HANDFULS_A_MINUTE = 300;
const HELD_MS = 2_000;
const ACCOUNTS_MAX = 1_000;

interface Handful {
  left: number;
  readonly standing: Standing;
  /** Epoch milliseconds. */
  readonly until: number;
  readonly limits: AccountLimits;
}

/** @param now epoch milliseconds */
export function createHandfulLimiters(limiters: Limiters, now: () => number): Limiters {
  const held = new BoundedMap<string, Handful>(ACCOUNTS_MAX);

  async function takeMore(account: string, limits: AccountLimits): Promise<Verdict> {
    const count = Math.max(1, Math.floor(limits.requests_per_minute / HANDFULS_A_MINUTE));
    const verdict = await limiters.call(account, { action: "request", count, limits });
    const left = verdict.granted - 1;
    if (left < 1) return verdict;
    const { standing } = verdict;
    held.set(account, { left, standing, until: now() + HELD_MS, limits });
    return { ...verdict, granted: 1, standing: withHeld(standing, left) };
  }

  return {
    async call(account: string, call: LimiterCall): Promise<Verdict> {
      if (call.action !== "request") return await limiters.call(account, call);
      const handful = held.get(account);
      const isGood = handful !== undefined && handful.left > 0 && now() < handful.until &&
        isSame(handful.limits, call.limits);
      if (!isGood) return await takeMore(account, call.limits);
      handful.left--;
      return { granted: 1, refusal: null, standing: withHeld(handful.standing, handful.left) };
    },
  };
}

/** The account still has what is held here. */
function withHeld(standing: Standing, left: number): Standing {
  const { requests } = standing;
  return { ...standing, requests: { ...requests, remaining: requests.remaining + left } };
}

function isSame(a: AccountLimits, b: AccountLimits): boolean {
  return a.requests_per_minute === b.requests_per_minute &&
    a.evaluations_per_minute === b.evaluations_per_minute &&
    a.concurrent_generations === b.concurrent_generations;
}
