/** What an account may use: kept with its key, enforced by the edge. */
import * as v from "valibot";
import { count, type DeepReadonly } from "./wire_schema.ts";

export const accountLimits = v.object({
  requests_per_minute: count,
  /** U-Net rows. */
  evaluations_per_minute: count,
  concurrent_generations: count,
});

export type AccountLimits = DeepReadonly<v.InferOutput<typeof accountLimits>>;
