/** A demo as JSON: enough to show it and to fill the form for it, with links to the rest. */
import * as v from "valibot";
import { type Plan, planObject, planShell } from "../plan/plan.ts";
import { parseAs, type Parsed } from "../problem.ts";
import { checkedAs, type DeepReadonly } from "../wire_schema.ts";
import { imageResource, path } from "./generation_resource.ts";

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

export const demoResource = v.object({
  slug: v.string(),
  title: v.string(),
  /** The plan without its tables. */
  plan: checkedAs<DemoPlan>(planShell, v.pick(planObject, DEMO_PLAN_FIELDS)),
  image: v.omit(imageResource, ["safety"]),
  /** Only paths of the service are accepted, since a page fetches whatever they name. */
  links: v.object({ generation: path, events: path }),
});

export type DemoResource = DeepReadonly<v.InferOutput<typeof demoResource>>;

const { slug, title, plan, image, links } = demoResource.entries;

/** What a gallery needs of a demo. */
const demo = v.object({
  slug,
  title,
  plan,
  image: v.pick(image, ["url"]),
  links: v.pick(links, ["events"]),
});

export type Demo = DeepReadonly<v.InferOutput<typeof demo>>;

export function parseDemo(input: unknown): Parsed<Demo> {
  return parseAs(demo, input, "Demo");
}

export function demoPlan(plan: Plan): DemoPlan {
  const { id, model, prompt, negative_prompt, seed, width, height } = plan;
  const { num_inference_steps, guidance_scale, sampler, cutoff, eos_swap } = plan;
  const { token_states, semantic_repeats, evaluations } = plan;
  return {
    id,
    model,
    prompt,
    negative_prompt,
    seed,
    width,
    height,
    num_inference_steps,
    guidance_scale,
    sampler,
    cutoff,
    eos_swap,
    token_states,
    semantic_repeats,
    evaluations,
  };
}
