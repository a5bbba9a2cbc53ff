/** How a sweep ended, from how its branches ended. Pure. */
import type { Problem } from "../problem.ts";
import type { SweepBranch, SweepPlan } from "./sweep_plan.ts";

/** U-Net rows; the words mean what they mean for a generation. */
export interface SpentEvaluations {
  readonly planned: number;
  /** Rows that the model ran for this sweep. */
  readonly spent: number;
  /** Rows that had been evaluated already, for another branch or for any generation before. */
  readonly shared: number;
  readonly full: number;
  /** Of the full ones: all that were neither spent nor shared; of a branch that did not succeed, planned. */
  readonly saved: number;
}

export type BranchStatus = "succeeded" | "failed" | "canceled";

/** How the generation of a branch ended. */
export interface BranchEnd {
  readonly status: BranchStatus;
  /** Whether a stored result answered. */
  readonly cached: boolean;
  readonly spent: number;
  readonly shared: number;
  readonly failure: Problem | null;
}

export interface BranchOutcome {
  readonly label: string;
  readonly same_as: number | null;
  /** The generation's. */
  readonly id: string;
  readonly status: BranchStatus;
  readonly cached: boolean;
  readonly evaluations: SpentEvaluations;
  readonly failure: Problem | null;
}

export interface SweepOutcome {
  readonly id: string;
  readonly branches: readonly BranchOutcome[];
  /** In sum. */
  readonly evaluations: SpentEvaluations;
}

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
