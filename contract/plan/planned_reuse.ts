/**
 * Which steps compute the whole model, and which reuse its deep features. The deep features of a U-Net change
 * slowly from step to step, so a step may take those of an earlier one and compute its shallow layers alone
 * (Ma, Fang, Wang: "DeepCache", CVPR 2024). Pure arithmetic on step numbers.
 */
import * as v from "valibot";
import { type Phase, phaseOfStep, type PlannedEvaluations, textsOf } from "./phase.ts";
import { modelCallsInStep } from "./sampler_calls.ts";
import type { ModelManifest } from "../model_manifest.ts";
import { type FieldIssue, fieldIssue } from "../problem.ts";
import type { GenerationRequest } from "../request/generation_request.ts";
import { REUSE_DEFAULTS } from "../request/reuse.ts";
import { count, type DeepReadonly } from "../wire_schema.ts";

export const plannedReuse = v.object({
  /** Which of the model's cuts, the shallowest being 1. */
  depth: count,
  /** The first step that may reuse features. */
  from: count,
  /** One step in so many computes them anew. */
  every: count,
  /** The steps that compute the whole model. */
  whole_steps: v.array(count),
});

export type Reuse = DeepReadonly<v.InferOutput<typeof plannedReuse>>;
export type ReuseOptions = Pick<Reuse, "depth" | "from" | "every">;

/** What a run computes, where a row of the whole model is 1 and a shallow row its share of that. */
export const plannedCompute = v.object({
  planned: v.number(),
  /** The same run with guidance in every step and nothing reused. */
  full: v.number(),
  /** `1 - planned / full`. */
  saved: v.number(),
});

export type PlannedCompute = DeepReadonly<v.InferOutput<typeof plannedCompute>>;

/** What a run has computed. */
export const spentCompute = v.object({
  ...plannedCompute.entries,
  /** By the rows that the model ran for it. */
  spent: v.number(),
  /** By the rows that another generation had already evaluated. */
  shared: v.number(),
});

export interface ReuseRun {
  readonly phases: readonly Phase[];
  readonly negative_prompt: string;
  readonly num_inference_steps: number;
}

/**
 * The steps before `from`; after a whole step, `every - 1` shallow ones and again a whole one; and each step
 * with a text that the last whole step did not see, since there is nothing of it to reuse.
 */
export function wholeSteps(
  { phases, negative_prompt, num_inference_steps }: ReuseRun,
  { from, every }: Pick<ReuseOptions, "from" | "every">,
): number[] {
  const whole: number[] = [];
  let kept: readonly string[] = [];
  for (let step = 0; step < num_inference_steps; step++) {
    const texts = textsOf(phaseOfStep(phases, step), negative_prompt);
    const age = step - (whole.at(-1) ?? step);
    if (step >= from && age < every && texts.every((text) => kept.includes(text))) continue;
    whole.push(step);
    kept = texts;
  }
  return whole;
}

/** Null where nothing would be reused. */
export function planReuse(request: GenerationRequest["reuse"], run: ReuseRun): Reuse | null {
  if (!request) return null;
  const { depth = REUSE_DEFAULTS.depth } = request;
  const { from = REUSE_DEFAULTS.from, every = REUSE_DEFAULTS.every } = request;
  const options = { depth, from, every };
  const whole_steps = wholeSteps(run, options);
  return whole_steps.length < run.num_inference_steps ? { ...options, whole_steps } : null;
}

export function checkReuse(
  { reuse, insights }: Pick<GenerationRequest, "reuse" | "insights">,
  { num_inference_steps: steps }: { readonly num_inference_steps: number },
  { id, cuts }: Pick<ModelManifest, "id" | "cuts">,
): FieldIssue[] {
  if (!reuse) return [];
  if (cuts.length === 0) {
    return [fieldIssue("reuse", `absent for model ${id}, whose graph has no known cut`, reuse)];
  }
  const { depth = REUSE_DEFAULTS.depth, from = 1, every = 2 } = reuse;
  const most = `the ${steps} steps`;
  return [
    ...(depth > cuts.length
      ? [fieldIssue("reuse.depth", `from 1 to ${cuts.length} for model ${id}`, depth)]
      : []),
    ...(from > steps ? [fieldIssue("reuse.from", `from 1 to ${most}`, from)] : []),
    ...(every > Math.max(steps, 2) ? [fieldIssue("reuse.every", `from 2 to ${most}`, every)] : []),
    ...(insights.includes("attention")
      ? [fieldIssue("insights", "without attention where reuse leaves layers out", insights)]
      : []),
  ];
}

interface ComputedRun extends ReuseRun {
  readonly reuse: Reuse | null;
  readonly sampler: string;
  readonly evaluations: PlannedEvaluations;
}

/** @param cuts of the model, with the compute of a shallow row of each */
export function countCompute(
  { phases, reuse, sampler, num_inference_steps, evaluations: { planned: rows, full } }:
    ComputedRun,
  cuts: ModelManifest["cuts"],
): PlannedCompute {
  const compute = shallowCompute(reuse, cuts);
  let shallow = 0;
  for (let step = 0; step < num_inference_steps; step++) {
    if (!reuse || reuse.whole_steps.includes(step)) continue;
    const calls = modelCallsInStep(sampler, step, num_inference_steps);
    shallow += calls * phaseOfStep(phases, step).rows;
  }
  const planned = roundCompute(rows - shallow * (1 - compute));
  return { planned, full, saved: 1 - planned / full };
}

/** Of a row that reuses features, where a whole row is 1. */
export function shallowCompute(
  reuse: Pick<Reuse, "depth"> | null,
  cuts: ModelManifest["cuts"],
): number {
  return reuse ? cuts[reuse.depth - 1]?.compute ?? 1 : 1;
}

/** Sums of shares would otherwise end in digits that mean nothing. */
export function roundCompute(compute: number): number {
  return Math.round(compute * 1e6) / 1e6;
}
