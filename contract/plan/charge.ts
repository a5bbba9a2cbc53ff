/** What a run is charged for in its account's limits: its rows, and what it shows besides. Pure. */
import type { Plan } from "./plan.ts";

/**
 * Returns the whole rows that so many rows of the plan are charged as: a shallow row computes a part of one.
 * What a plan computes is spread evenly over its rows, as far as a run has come.
 */
export function chargedRows(
  { evaluations, compute }: Pick<Plan, "evaluations" | "compute">,
  rows: number,
): number {
  return Math.ceil(rows * compute.planned / Math.max(1, evaluations.planned));
}

type Shown = Pick<Plan, "evaluations" | "insights"> & {
  readonly previews: Pick<Plan["previews"], "method" | "steps">;
};

/**
 * Evaluations that the VAE's decoder is worth: for Stable Diffusion 1.5 at 512x512 it takes about
 * 1.24e12 multiplications, the U-Net about 0.4e12 for a row, and both grow with the picture's area.
 */
export const VAE_PREVIEW_EVALUATIONS = 3;
/** Each insight looks at every call, which takes far less than the call. */
export const INSIGHT_SHARE = 0.1;

/** Returns the evaluations that previews and insights are worth, beside those of the plan. */
export function extraEvaluations({ evaluations, previews, insights }: Shown): number {
  const pictures = previews.method === "vae" ? previews.steps.length : 0;
  const looks = Math.ceil(insights.names.length * evaluations.planned * INSIGHT_SHARE);
  return VAE_PREVIEW_EVALUATIONS * pictures + looks;
}

/**
 * Returns the part of the extra that a run has cost which did `done` of `planned` rows: whole where
 * it ended by itself, since what is shown of shared rows is computed anew.
 */
export function extraSpent(
  extra: number,
  { done, planned, isWhole }: {
    readonly done: number;
    readonly planned: number;
    readonly isWhole: boolean;
  },
): number {
  return isWhole ? extra : Math.ceil(extra * Math.min(1, done / Math.max(1, planned)));
}
