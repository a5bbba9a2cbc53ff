/** What the branches of a sweep are to cost. */
import * as v from "valibot";
import { plannedEvaluations } from "../plan/phase.ts";
import { count, type DeepReadonly } from "../wire_schema.ts";

export const sweepPlannedEvaluations = v.object({
  /** U-Net rows of the branches run apart. */
  planned: plannedEvaluations.entries.planned,
  /**
   * Rows where each is evaluated once for all branches, by a GPU function that has room to remember
   * them; the most, where a branch decides its cutoff itself.
   */
  together: count,
  /** Rows of the branches with guidance in every step. */
  full: plannedEvaluations.entries.full,
  saved: plannedEvaluations.entries.saved,
});

export type SweepPlannedEvaluations = DeepReadonly<
  v.InferOutput<typeof sweepPlannedEvaluations>
>;
