/** What an account has used, day by day, as JSON. */
import * as v from "valibot";
import { accountLimits } from "../account_limits.ts";
import { count, type DeepReadonly } from "../wire_schema.ts";

const usageCounts = v.object({
  requests: count,
  generations: count,
  hits: count,
  refused: count,
  /** Rows of the model. */
  evaluations: count,
});

/** `day` is in UTC, such as `2026-11-25`. */
const usageDay = v.object({ day: v.string(), ...usageCounts.entries });

export const usageResource = v.object({
  account: v.string(),
  limits: accountLimits,
  days: v.array(usageDay),
});

export type UsageCounts = DeepReadonly<v.InferOutput<typeof usageCounts>>;
export type UsageDay = DeepReadonly<v.InferOutput<typeof usageDay>>;
