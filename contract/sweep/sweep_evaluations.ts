/** What the branches of a sweep will cost. */
import * as v from "valibot";
import { plannedEvaluations } from "../plan/phase.ts";
import { count, type DeepReadonly } from "../wire_schema.ts";

export const sweepPlannedEvaluations = v.object({
  /** Rows of the model where each branch runs alone. */
  planned: plannedEvaluations.entries.planned,
  /**
   * Rows where a GPU function has memory to evaluate equal ones once for all branches. It is an
   * upper bound if a branch has an automatic cutoff.
   */
  together: count,
  /** Rows of the branches with guidance in every step. */
  full: plannedEvaluations.entries.full,
  saved: plannedEvaluations.entries.saved,
});

export type SweepPlannedEvaluations = DeepReadonly<
  v.InferOutput<typeof sweepPlannedEvaluations>
>;
