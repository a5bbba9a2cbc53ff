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
  /** The earlier branch that is the same generation; only that one has events and costs. */
  same_as: v.nullable(count),
  /** The generation's content key. */
  id: v.string(),
  status: v.picklist(BRANCH_STATUSES),
  cached: v.boolean(),
  evaluations: spentEvaluations,
  failure: v.nullable(problemSchema),
});

export const sweepOutcomeObject = v.object({
  id: v.string(),
  branches: v.pipe(v.array(branchOutcomeObject), v.readonly()),
  /** The sums over the branches. */
  evaluations: spentEvaluations,
});

export type BranchOutcome = DeepReadonly<v.InferOutput<typeof branchOutcomeObject>>;
export type SweepOutcome = DeepReadonly<v.InferOutput<typeof sweepOutcomeObject>>;

/** @param ends in the order of the branches; a repeated branch has the end of the earlier one */
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

/** A branch answered by a stored result or an earlier branch costs nothing: its rows are shared. */
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

/** An automatic cutoff may need fewer rows than planned, which is its upper bound. */
function neededRows({ status, evaluations }: Pick<BranchOutcome, "status" | "evaluations">) {
  const { planned, spent, shared } = evaluations;
  return status === "succeeded" ? spent + shared : planned;
}

/**
 * A sweep succeeds if any branch does, and fails if none succeeds and any fails. It is canceled if
 * that was asked for and ended a branch, or if every branch was canceled.
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
