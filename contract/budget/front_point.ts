/** A point on a model's front: settings that give the nearest image for what they compute. */
import * as v from "valibot";
import { TAILS } from "../request/cutoff.ts";
import type { GenerationRequest } from "../request/generation_request.ts";
import { TIMESTEP_SPACINGS } from "../request/timestep_spacing.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(1));

/** What is left out is left to the model, or is not done. */
export const frontPoint = v.strictObject({
  num_inference_steps: count,
  sampler: v.optional(v.string()),
  timestep_spacing: v.optional(v.picklist(TIMESTEP_SPACINGS)),
  cutoff: v.optional(
    v.strictObject({
      guided_fraction: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
      tail: v.picklist(TAILS),
    }),
  ),
  reuse: v.optional(
    v.strictObject({ depth: v.optional(count), from: v.optional(count), every: v.optional(count) }),
  ),
});

export type FrontPoint = v.InferOutput<typeof frontPoint>;

/** The fields of a request that a budget decides. */
export type BudgetedSettings = Pick<
  GenerationRequest,
  "sampler" | "num_inference_steps" | "timestep_spacing" | "cutoff" | "reuse"
>;

/** Those that say what a point says. */
export function settingsOf({ cutoff, ...others }: FrontPoint): BudgetedSettings {
  return { ...others, ...(cutoff ? { cutoff: { guided_from: 0, head: "null", ...cutoff } } : {}) };
}
