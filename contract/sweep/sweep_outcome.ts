/** How a sweep ended, from how its branches ended. Pure. */
import * as v from "valibot";
import { spentEvaluations } from "../plan/phase.ts";
import { type Problem, problemSchema } from "../problem.ts";
import { count, type DeepReadonly } from "../wire_schema.ts";
import type { SweepBranch, SweepPlan } from "./sweep_plan.ts";

export const BRANCH_STATUSES = ["succeeded", "failed", "canceled"] as const;
export type BranchStatus = typeof BRANCH_STATUSES[number];

/** How the generation of a branch ended. */
export interface BranchEnd {
  readonly status: BranchStatus;
  /** Whether a stored result answered. */
  readonly cached: boolean;
  readonly spent: number;
  readonly shared: number;
  readonly failure: Problem | null;
}

export const branchOutcomeObject = v.object({
  label: v.string(),
  /** The one branch that is the same generation and comes before; it alone has events and costs. */
  same_as: v.nullable(count),
  /** The generation's. */
  id: v.string(),
  status: v.picklist(BRANCH_STATUSES),
  cached: v.boolean(),
  evaluations: spentEvaluations,
  failure: v.nullable(problemSchema),
});

export const sweepOutcomeObject = v.object({
  id: v.string(),
  branches: v.pipe(v.array(branchOutcomeObject), v.readonly()),
  /** In sum over the branches. */
  evaluations: spentEvaluations,
});

export type BranchOutcome = DeepReadonly<v.InferOutput<typeof branchOutcomeObject>>;
export type SweepOutcome = DeepReadonly<v.InferOutput<typeof sweepOutcomeObject>>;

/** @param ends in the order of the branches; for one that is the same as another, that one's */
export function sweepOutcome(
  { id, branches }: SweepPlan,
  ends: readonly BranchEnd[],
): SweepOutcome {
  const outcomes = branches.map((branch, i) => {
    const end = ends[i];
    if (!end) throw new RangeError(`Branch ${i} of sweep ${id} has no end`);
    return branchOutcome(branch, end);
  });
  const sum = (of: "planned" | "spent" | "shared" | "full") =>
    outcomes.reduce((total, { evaluations }) => total + evaluations[of], 0);
  const needed = outcomes.reduce((total, outcome) => total + neededRows(outcome), 0);
  const full = sum("full");
  const evaluations = {
    planned: sum("planned"),
    spent: sum("spent"),
    shared: sum("shared"),
    full,
    saved: 1 - needed / full,
  };
  return { id, branches: outcomes, evaluations };
}

/** What a stored result or an earlier branch answers costs nothing: all of its rows are shared. */
function branchOutcome({ label, same_as, plan }: SweepBranch, end: BranchEnd): BranchOutcome {
  const { status, cached, failure } = end;
  const isFree = cached || same_as !== null;
  const [spent, shared] = isFree ? [0, end.spent + end.shared] : [end.spent, end.shared];
  const outcome = {
    label,
    same_as,
    id: plan.id,
    status,
    cached,
    evaluations: { ...plan.evaluations, spent, shared },
    failure,
  };
  const saved = 1 - neededRows(outcome) / plan.evaluations.full;
  return { ...outcome, evaluations: { ...outcome.evaluations, saved } };
}

/** An automatic cutoff needs fewer rows than planned, which was the most. */
function neededRows({ status, evaluations }: Pick<BranchOutcome, "status" | "evaluations">) {
  const { planned, spent, shared } = evaluations;
  return status === "succeeded" ? spent + shared : planned;
}

/**
 * A sweep is worth what it could draw: it has completed if any branch succeeded, failed if none did and
 * any failed. It is canceled when that was asked for and a branch ended by it, or if nothing else remains.
 */
export function sweepStatus(
  ends: readonly Pick<BranchEnd, "status">[],
  canceled: boolean,
): BranchStatus {
  const has = (wanted: BranchStatus) => ends.some(({ status }) => status === wanted);
  if (canceled && has("canceled")) return "canceled";
  if (has("succeeded")) return "succeeded";
  return has("failed") ? "failed" : "canceled";
}
