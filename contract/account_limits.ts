/** What an account may use. The limits are stored with its key and enforced by the edge. */
import * as v from "valibot";
import { count, type DeepReadonly } from "./wire_schema.ts";

export const accountLimits = v.object({
  requests_per_minute: count,
  /** Rows of the model: a guided call has two. */
  evaluations_per_minute: count,
  concurrent_generations: count,
});

export type AccountLimits = DeepReadonly<v.InferOutput<typeof accountLimits>>;
