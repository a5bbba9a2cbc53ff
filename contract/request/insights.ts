/** What a run may show of its inside, as asked for and as planned. No insight changes the image. */
import type { GenerationRequest } from "./generation_request.ts";
import type { ModelManifest } from "../model_manifest.ts";
import { type Phase, phaseOfStep, seesPrompt } from "../plan/phase.ts";
import type { Plan, SeededRequest } from "../plan/plan.ts";
import { type FieldIssue, fieldIssue } from "../problem.ts";

export const INSIGHTS = ["attention", "frequency", "guidance"] as const;

export type Insight = (typeof INSIGHTS)[number];

/** Those that any model can give; attention needs taps in the package. */
export const INSIGHTS_WITHOUT_TAPS: readonly Insight[] = ["frequency", "guidance"];

export interface InsightOptions {
  /** Part of the spectrum's bins that counts as low: those nearest to frequency 0. */
  readonly low_fraction: number;
  /** Part of the last step's agreement with the image from which attention counts as converged. */
  readonly convergence_level: number;
}

export const INSIGHT_DEFAULTS: InsightOptions = {
  /** The paper's high band holds 80 % of the spectrum (section 4.2). */
  low_fraction: 0.2,
  convergence_level: 0.9,
};

export interface PlannedInsights extends InsightOptions {
  /** Each once, in the order of `INSIGHTS`. */
  readonly names: readonly Insight[];
  /** The steps that send attention maps as well as shares. */
  readonly map_steps: readonly number[];
}

/** Steps with maps beside their mean at the end: a stored log of them stays below a row of D1. */
const MAP_STEPS_MAX = 8;

export function planInsights(
  { insights, insight_options }: Pick<GenerationRequest, "insights" | "insight_options">,
  { phases, previewSteps }: {
    readonly phases: readonly Phase[];
    readonly previewSteps: readonly number[];
  },
): PlannedInsights {
  const names = INSIGHTS.filter((name) => insights.includes(name));
  const candidates = previewSteps.filter((step) => seesPrompt(phaseOfStep(phases, step)));
  const map_steps = names.includes("attention") ? thin(candidates, MAP_STEPS_MAX) : [];
  return { names, ...insight_options, map_steps };
}

/** Every n-th, the first one included, with the least n that leaves no more than `max`. */
function thin(steps: readonly number[], max: number): number[] {
  const stride = Math.ceil(steps.length / max);
  return steps.filter((_, i) => i % stride === 0);
}

export function checkInsights(
  { insights }: Pick<GenerationRequest, "insights">,
  { id, insights: given }: ModelManifest,
): FieldIssue[] {
  return insights.flatMap((name, i) => {
    if (given.includes(name)) return [];
    const allowed = `one of ${given.join(", ")} for model ${id}, whose package names no taps`;
    return [fieldIssue(`insights.${i}`, allowed, name)];
  });
}

/**
 * Whether a result that was made by `stored` cannot answer for `asked`, which has the same key: it
 * must run again. Results from before there were insights have none.
 */
export function lacksInsights(
  { insights }: Pick<Plan, "id"> & Partial<Pick<Plan, "insights">>,
  asked: Pick<Plan, "insights">,
): boolean {
  return asked.insights.names.some((name) =>
    !insights?.names.includes(name) ||
    name === "frequency" && insights.low_fraction !== asked.insights.low_fraction ||
    name === "attention" && insights.convergence_level !== asked.insights.convergence_level
  );
}

/**
 * The same generation, asked for what `known` shows as well, so that its result can stand in for both.
 * Options are those of the one who asks now.
 */
export function joinInsights(
  { request, plan }: { readonly request: SeededRequest; readonly plan: Plan },
  known: Pick<Plan, "id"> & Partial<Pick<Plan, "insights">>,
): { readonly request: SeededRequest; readonly plan: Plan } {
  const both = [...request.insights, ...known.insights?.names ?? []];
  const joined = { ...request, insights: INSIGHTS.filter((name) => both.includes(name)) };
  const { phases, previews: { steps: previewSteps } } = plan;
  const insights = planInsights(joined, { phases, previewSteps });
  return { request: joined, plan: { ...plan, insights } };
}
