/** A demo as JSON: enough for a gallery, with links to the rest. */
import type { Plan, PlannedEvaluations } from "../contract/mod.ts";
import type { ListedDemo } from "../db/demo_queries.ts";
import { generationPath, imagePath, type ImageResource } from "./generation_resource.ts";

export interface DemoResource {
  readonly slug: string;
  readonly title: string;
  /** The plan without its tables. */
  readonly plan: DemoPlan;
  readonly image: Omit<ImageResource, "safety">;
  readonly links: {
    readonly generation: string;
    readonly events: string;
  };
}

type Told =
  | "id"
  | "model"
  | "prompt"
  | "negative_prompt"
  | "seed"
  | "width"
  | "height"
  | "num_inference_steps"
  | "guidance_scale"
  | "sampler"
  | "cutoff"
  | "eos_swap"
  | "token_states"
  | "semantic_repeats";
type DemoPlan = Pick<Plan, Told> & { readonly evaluations: PlannedEvaluations };

/** Null while its generation is not stored: there is nothing to show at once. */
export function describeDemo({ slug, title, result }: ListedDemo): DemoResource | null {
  if (!result) return null;
  const { plan, image } = result;
  const self = generationPath(plan.id);
  return {
    slug,
    title,
    plan: summaryOf(plan),
    image: { url: imagePath(plan), ...image },
    links: { generation: self, events: `${self}/events` },
  };
}

function summaryOf(plan: Plan): DemoPlan {
  const { id, model, prompt, negative_prompt, seed, width, height, evaluations } = plan;
  const { num_inference_steps, guidance_scale, sampler, cutoff, eos_swap } = plan;
  const { token_states, semantic_repeats } = plan;
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
