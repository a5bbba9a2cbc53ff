/** Limits as header fields: draft-ietf-httpapi-ratelimit-headers-10, in RFC 9651's structure. */
import { type BareItem, type Item, serializeList } from "structured-headers";
import { POLICIES, type Policy, type Standing } from "./account_limiter.ts";

const MINUTE = 60;

/** `q` is the quota, `w` its window in seconds, `qu` what is counted if it is not requests. */
export function rateLimitHeaders(standing: Standing): Record<string, string> {
  const list = (parameters: (policy: Policy) => Record<string, BareItem>) =>
    serializeList(
      POLICIES.map((policy): Item => [policy, new Map(Object.entries(parameters(policy)))]),
    );
  return {
    "ratelimit-policy": list((policy) => ({ q: standing[policy].limit, ...EXTENT[policy] })),
    ratelimit: list((policy) => ({ r: standing[policy].remaining, t: standing[policy].reset })),
  };
}

/** Slots have no window: they are free again when a run ends. */
const EXTENT: Readonly<Record<Policy, Record<string, BareItem>>> = {
  requests: { w: MINUTE },
  evaluations: { w: MINUTE, qu: "evaluations" },
  generations: { qu: "concurrent-requests" },
};
