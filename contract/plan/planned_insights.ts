/** What a run will show of its inside. */
import * as v from "valibot";
import type { GenerationRequest } from "../request/generation_request.ts";
import { insightOptions, INSIGHTS } from "../request/insights.ts";
import type { ModelManifest } from "../model_manifest.ts";
import { type Phase, phaseOfStep, seesPrompt } from "./phase.ts";
import { type FieldIssue, fieldIssue } from "../problem.ts";
import { count, type DeepReadonly } from "../wire_schema.ts";

export const plannedInsights = v.object({
  /** Each once, in the order of `INSIGHTS`. */
  names: v.array(v.picklist(INSIGHTS)),
  ...insightOptions.entries,
  /** The steps that send attention maps as well as shares. */
  map_steps: v.array(count),
});

export type PlannedInsights = DeepReadonly<v.InferOutput<typeof plannedInsights>>;

/** The most steps that send maps, so that a stored log fits into one row of D1. */
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

/** Every n-th step from the first, with the least n that leaves at most `max`. */
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
