/** The operator's limits for each tier of callers. */
import type { AccountLimits } from "../../contract/mod.ts";
import type { TierLimits } from "../callers/caller.ts";
import { type Environment, readText, wrongSetting } from "../environment.ts";

const DEFAULTS: TierLimits = {
  anonymous: limits(120, 2_000, 2),
  loopback: limits(60_000, 10_000_000, 256),
  key: limits(1_200, 20_000, 8),
};

function limits(
  requests_per_minute: number,
  evaluations_per_minute: number,
  concurrent_generations: number,
): AccountLimits {
  return { requests_per_minute, evaluations_per_minute, concurrent_generations };
}

/** Reads `ANONYMOUS_LIMITS`, `LOOPBACK_LIMITS` and `KEY_LIMITS`. */
export function readTierLimits(environment: Environment): TierLimits {
  const read = (name: string, defaults: AccountLimits) => {
    const text = readText(environment, name);
    if (text === null) return defaults;
    const given = parseLimits(text);
    if (!given) throw wrongSetting(name, LIMITS_RULE, text);
    return { ...defaults, ...given };
  };
  return {
    anonymous: read("ANONYMOUS_LIMITS", DEFAULTS.anonymous),
    loopback: read("LOOPBACK_LIMITS", DEFAULTS.loopback),
    key: read("KEY_LIMITS", DEFAULTS.key),
  };
}

/** Reads `STREAMS_MAX`. */
export function readStreamsMax(environment: Environment): number {
  const text = readText(environment, "STREAMS_MAX") ?? "1024";
  const max = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (max >= 1 && max <= 100_000) return max;
  throw wrongSetting("STREAMS_MAX", "an integer from 1 to 100000", text);
}

const FIELDS = {
  requests: "requests_per_minute",
  evaluations: "evaluations_per_minute",
  concurrent: "concurrent_generations",
} as const;

export const LIMITS_RULE =
  "any of requests=N, evaluations=N (both a minute) and concurrent=N, with commas between them, " +
  "N from 1 to 1000000000";

/** Returns null for a text that `LIMITS_RULE` does not allow. */
export function parseLimits(text: string): Partial<AccountLimits> | null {
  const given: Partial<Record<keyof AccountLimits, number>> = {};
  for (const part of text.split(",")) {
    const [, name, digits] =
      /^\s*(requests|evaluations|concurrent)=([1-9]\d{0,9})\s*$/.exec(part) ??
        [];
    const count = Number(digits);
    if (!name || !digits || count > 1_000_000_000) return null;
    given[FIELDS[name as keyof typeof FIELDS]] = count;
  }
  return given;
}
