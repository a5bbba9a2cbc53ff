/** What the page knows of a sweep, as one row of branches folded from its events. Pure. */
import type { GenerationEvent } from "../../contract/events/generation_event.ts";
import type { Plan } from "../../contract/plan/plan.ts";
import type { Problem } from "../../contract/problem.ts";
import type { SweepEvent, SweepEventOf } from "../../contract/sweep/sweep_event.ts";
import type { Picture } from "./generation_view.ts";

export interface BranchView {
  readonly label: string;
  /** The earlier branch that is the same generation and draws for both. */
  readonly same_as: number | null;
  readonly plan: Plan;
  /** The image, or else the latest preview; null before both. */
  readonly picture: Picture | null;
  readonly finished: boolean;
  /** Whether the model's safety checker flagged the image. */
  readonly flagged: boolean;
  readonly evaluationsSpent: number;
  readonly problem: Problem | null;
}

export interface SweepView {
  readonly status: "idle" | "submitted" | "running" | "completed" | "failed" | "canceled";
  readonly id: string | null;
  readonly branches: readonly BranchView[];
  readonly planned: SweepEventOf<"sweep.planned">["evaluations"] | null;
  readonly evaluations: SweepEventOf<"sweep.completed">["evaluations"] | null;
  readonly cached: boolean;
  readonly sheetUrl: string | null;
  readonly problem: Problem | null;
}

export const NO_SWEEP: SweepView = {
  status: "idle",
  id: null,
  branches: [],
  planned: null,
  evaluations: null,
  cached: false,
  sheetUrl: null,
  problem: null,
};

export type SweepAction =
  | { readonly type: "submitted" }
  | { readonly type: "received"; readonly event: SweepEvent }
  /** The request was refused or its stream was lost for good. */
  | { readonly type: "broken"; readonly problem: Problem };

export function reduceSweep(view: SweepView, action: SweepAction): SweepView {
  switch (action.type) {
    case "submitted":
      return { ...NO_SWEEP, status: "submitted" };
    case "broken":
      return { ...view, status: "failed", problem: action.problem };
    case "received":
      return reduceEvent(view, action.event);
  }
}

function reduceEvent(view: SweepView, event: SweepEvent): SweepView {
  switch (event.type) {
    case "sweep.planned": {
      const { id, evaluations: planned } = event;
      return { ...view, status: "running", id, planned, branches: event.branches.map(emptyBranch) };
    }
    case "sweep.event":
      return {
        ...view,
        branches: view.branches.map((branch, i) =>
          (branch.same_as ?? i) === event.branch ? reduceBranch(branch, event.event) : branch
        ),
      };
    case "sweep.sheet":
      return { ...view, sheetUrl: event.url };
    case "sweep.completed": {
      const { evaluations, cached } = event;
      return { ...view, status: "completed", evaluations, cached };
    }
    case "sweep.failed":
      return { ...view, status: "failed", evaluations: event.evaluations, problem: event.error };
    case "sweep.canceled":
      return { ...view, status: "canceled", evaluations: event.evaluations };
  }
}

function emptyBranch({ label, same_as, plan }: SweepEventOf<"sweep.planned">["branches"][number]) {
  return {
    label,
    same_as,
    plan,
    picture: null,
    finished: false,
    flagged: false,
    evaluationsSpent: 0,
    problem: null,
  };
}

function reduceBranch(branch: BranchView, event: GenerationEvent): BranchView {
  switch (event.type) {
    case "generation.step":
      return { ...branch, evaluationsSpent: event.evaluations };
    case "generation.preview":
    case "generation.image": {
      const { media_type, data } = event;
      return {
        ...branch,
        picture: { media_type, source: `data:${media_type};base64,${data}` },
        finished: event.type === "generation.image",
        flagged: event.type === "generation.image" && (event.safety?.flagged ?? false),
      };
    }
    case "generation.failed":
      return { ...branch, problem: event.error };
    default:
      return branch;
  }
}

export function isSweeping({ status }: SweepView): boolean {
  return status === "submitted" || status === "running";
}

/** Rows of the model so far, summed over the branches that run. */
export function sweptEvaluations({ branches }: SweepView): number {
  return branches.reduce(
    (sum, { same_as, evaluationsSpent }) => sum + (same_as === null ? evaluationsSpent : 0),
    0,
  );
}
