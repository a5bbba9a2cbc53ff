/** What a sweep will do: the plans of its branches, and what they cost together. */
import { contentKey } from "../plan/content_key.ts";
import type { Plan } from "../plan/plan.ts";
import type { SeededRequest } from "../request/generation_request.ts";
import { createFieldProblem, type FieldIssue, type Parsed, refuse } from "../problem.ts";
import { rowsTogether } from "./rows_together.ts";
import type { SweepAxis } from "./sweep_axis.ts";
import type { SweepPlannedEvaluations } from "./sweep_evaluations.ts";
import { placeBranchIssues, type SweepRequest } from "./sweep_request.ts";

export interface SweepBranch {
  /** Its setting in a word or two, such as `a = 25`. */
  readonly label: string;
  /** The earlier branch that is the same generation; that one runs for both. */
  readonly same_as: number | null;
  readonly request: SeededRequest;
  readonly plan: Plan;
}

export interface SweepPlan {
  /** Hash of the branches' content keys in order, 64 hex digits: equal branches, equal sweep. */
  readonly id: string;
  readonly axis: SweepAxis;
  readonly branches: readonly SweepBranch[];
  readonly evaluations: SweepPlannedEvaluations;
}

/**
 * @param seed one for all branches, which differ only in the axis
 * @param planBranch `planGeneration` on the model that the base names
 */
export function planSweep(
  { axis, branches }: SweepRequest,
  seed: number,
  planBranch: (request: SeededRequest) => Parsed<Plan>,
): Parsed<SweepPlan> {
  const planned: SweepBranch[] = [];
  const issues = new Map<string, FieldIssue>();
  for (const [i, branch] of branches.entries()) {
    const request = { ...branch, seed };
    const plan = planBranch(request);
    if (!plan.ok) {
      // An issue of the base appears in every branch, and is kept once.
      const placed = placeBranchIssues(axis, i, plan.problem.errors ?? []);
      for (const issue of placed) issues.set(issue.field, issue);
      continue;
    }
    const { id } = plan.value;
    const same = planned.findIndex((earlier) => earlier.plan.id === id);
    const label = labelBranch(axis, plan.value);
    planned.push({ label, same_as: same < 0 ? null : same, request, plan: plan.value });
  }
  if (issues.size > 0) return refuse(createFieldProblem("unplannable", [...issues.values()]));
  return { ok: true, value: assembleSweep(axis, planned) };
}

function assembleSweep(axis: SweepAxis, branches: readonly SweepBranch[]): SweepPlan {
  const plans = branches.map(({ plan }) => plan);
  const sum = (of: "planned" | "full") =>
    plans.reduce((total, { evaluations }) => total + evaluations[of], 0);
  const [planned, full] = [sum("planned"), sum("full")];
  return {
    id: sweepId(plans.map(({ id }) => id)),
    axis,
    branches,
    evaluations: { planned, together: rowsTogether(plans), full, saved: 1 - planned / full },
  };
}

/** @param ids the content keys of the branches, in order */
export function sweepId(ids: readonly string[]): string {
  return contentKey({ sweep: ids });
}

function labelBranch(axis: SweepAxis, { cutoff, eos_swap }: Plan): string {
  if (axis === "tails") return `tail ${cutoff.tail}`;
  if (axis === "eos_windows") return `[EOS] ${eos_swap?.from ?? 0} to ${eos_swap?.to ?? 0}`;
  const { guided_from, guided_steps, a, auto, tail } = cutoff;
  const end = guided_from + guided_steps;
  const fixed = guided_from === 0 ? `a = ${a}` : `guided ${guided_from} to ${end}`;
  const place = auto
    ? `auto ${auto.tolerance}, after ${guided_from + auto.min_steps} to ${end}`
    : fixed;
  return tail === "null" ? place : `${place}, tail ${tail}`;
}
