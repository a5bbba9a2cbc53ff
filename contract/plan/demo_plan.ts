/** What a listed demo tells of its plan: enough for a form to mean the same image. */
import type { Plan } from "./plan.ts";

export const DEMO_PLAN_FIELDS = [
  "id",
  "model",
  "prompt",
  "negative_prompt",
  "seed",
  "width",
  "height",
  "num_inference_steps",
  "guidance_scale",
  "sampler",
  "cutoff",
  "eos_swap",
  "token_states",
  "semantic_repeats",
  "evaluations",
] as const satisfies readonly (keyof Plan)[];

export type DemoPlan = Pick<Plan, typeof DEMO_PLAN_FIELDS[number]>;

export function demoPlan(plan: Plan): DemoPlan {
  const entries = DEMO_PLAN_FIELDS.map((field) => [field, plan[field]] as const);
  // Each field is of the list, with the plan's own value.
  return Object.fromEntries(entries) as unknown as DemoPlan;
}
