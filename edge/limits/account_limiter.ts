/**
 * Counts what one account has used of its limits. Requests and evaluations each fill a bucket,
 * which drains evenly. So two numbers replace the time of every charge, credit is a subtraction,
 * and the wait for room is a division. All are integers, so that the reported wait is exactly long
 * enough.
 */
import type { AccountLimits } from "../../contract/mod.ts";

/** Everything a limiter knows, as plain data that can be stored. */
export interface LimiterState {
  /** In units of 1/60,000 request, so that a bucket drains by its limit in every millisecond. */
  readonly requests: number;
  /** In units of 1/60,000 evaluation. */
  readonly evaluations: number;
  /** Epoch milliseconds at which both counts held. */
  readonly at: number;
  readonly runs: Readonly<Record<string, RunLease>>;
  readonly limits: AccountLimits;
}

export interface RunLease {
  /** Evaluations charged when it began. */
  readonly evaluations: number;
  /** Epoch milliseconds at which its slot is free again, whatever became of it. */
  readonly until: number;
}

export const POLICIES = ["requests", "evaluations", "generations"] as const;
export type Policy = typeof POLICIES[number];

/** For each policy the limit, what is left of it, and seconds until all of it is free. */
export type Standing = Readonly<
  Record<Policy, { readonly limit: number; readonly remaining: number; readonly reset: number }>
>;

export interface Verdict {
  /** How many of the requests were allowed. */
  readonly granted: number;
  readonly refusal: { readonly policy: Policy; readonly retry_after: number } | null;
  readonly standing: Standing;
}

const UNIT = 60_000;
/** Longer than runs take: it frees the slots of runs whose process died. */
const LEASE_MS = 15 * 60_000;
/** A guess in seconds, since the end of a run is unknown. */
const SLOT_RETRY_SECONDS = 5;

export class AccountLimiter {
  #state: LimiterState;

  constructor(state: LimiterState | null, limits: AccountLimits, now: number) {
    const drained = state ? drain(state, now) : null;
    this.#state = drained
      ? { ...drained, limits }
      : { requests: 0, evaluations: 0, at: now, runs: {}, limits };
  }

  get state(): LimiterState {
    return this.#state;
  }

  /** Nothing is used and nothing runs, so the state may be forgotten. */
  get isIdle(): boolean {
    const { requests, evaluations, runs } = this.#state;
    return requests === 0 && evaluations === 0 && Object.keys(runs).length === 0;
  }

  get standing(): Standing {
    const { requests, evaluations, runs, limits } = this.#state;
    const bucket = (limit: number, used: number) => ({
      limit,
      remaining: Math.max(0, Math.floor(limit - used / UNIT)),
      reset: secondsToDrain(used, limit),
    });
    const limit = limits.concurrent_generations;
    const running = Object.keys(runs).length;
    return {
      requests: bucket(limits.requests_per_minute, requests),
      evaluations: bucket(limits.evaluations_per_minute, evaluations),
      generations: {
        limit,
        remaining: Math.max(0, limit - running),
        reset: running === 0 ? 0 : SLOT_RETRY_SECONDS,
      },
    };
  }

  /** Takes as many requests as there is room for; refuses when there is room for none. */
  takeRequests(count: number): Verdict {
    const { requests, limits: { requests_per_minute: limit } } = this.#state;
    const retry_after = secondsToRoom(requests, 1, limit);
    if (retry_after > 0) return this.#refuse("requests", retry_after);
    const granted = Math.min(count, Math.floor(limit - requests / UNIT));
    this.#state = { ...this.#state, requests: requests + granted * UNIT };
    return { ...this.#accept(), granted };
  }

  /**
   * Charges a run and takes a slot for it. A run that has a slot, because its room began anew,
   * keeps it. A run that costs more than the limit needs an empty bucket, and overfills it.
   */
  begin(run: string, evaluations: number): Verdict {
    const { runs, limits } = this.#state;
    const until = this.#state.at + LEASE_MS;
    const known = runs[run];
    if (known) {
      this.#state = { ...this.#state, runs: { ...runs, [run]: { ...known, until } } };
      return this.#accept();
    }
    if (Object.keys(runs).length >= limits.concurrent_generations) {
      return this.#refuse("generations", SLOT_RETRY_SECONDS);
    }
    const used = this.#state.evaluations;
    const retry_after = secondsToRoom(used, evaluations, limits.evaluations_per_minute);
    if (retry_after > 0) return this.#refuse("evaluations", retry_after);
    this.#state = {
      ...this.#state,
      evaluations: used + evaluations * UNIT,
      runs: { ...runs, [run]: { evaluations, until } },
    };
    return this.#accept();
  }

  /** Frees the slot and credits what was not spent; ignores a run without a slot. */
  end(run: string, spent: number): Verdict {
    const { [run]: lease, ...runs } = this.#state.runs;
    if (!lease) return this.#accept();
    const credit = Math.max(0, lease.evaluations - spent) * UNIT;
    const evaluations = Math.max(0, this.#state.evaluations - credit);
    this.#state = { ...this.#state, evaluations, runs };
    return this.#accept();
  }

  #accept(): Verdict {
    return { granted: 0, refusal: null, standing: this.standing };
  }

  #refuse(policy: Policy, retry_after: number): Verdict {
    return { granted: 0, refusal: { policy, retry_after }, standing: this.standing };
  }
}

/** Drains up to now; a clock that went back drains nothing. */
function drain(state: LimiterState, now: number): LimiterState {
  const { limits } = state;
  const elapsed = Math.max(0, now - state.at);
  const after = (used: number, limit: number) => Math.max(0, used - elapsed * limit);
  const runs = Object.entries(state.runs).filter(([, { until }]) => until > now);
  return {
    ...state,
    requests: after(state.requests, limits.requests_per_minute),
    evaluations: after(state.evaluations, limits.evaluations_per_minute),
    at: Math.max(now, state.at),
    runs: Object.fromEntries(runs),
  };
}

/** Returns seconds until a charge has room; 0 where it has. */
function secondsToRoom(used: number, charge: number, limit: number): number {
  return secondsToDrain(used + Math.min(charge, limit) * UNIT - limit * UNIT, limit);
}

function secondsToDrain(units: number, limit: number): number {
  return Math.max(0, Math.ceil(units / limit / 1_000));
}
