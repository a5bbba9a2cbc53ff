/** The form that a curated demo fills in. Pure. */
import type { DemoPlan } from "../../contract/resources/demo_resource.ts";
import type { ModelManifest } from "../../contract/model_manifest.ts";
import { EMPTY_DRAFT, type RequestDraft } from "./request_draft.ts";

/**
 * The form whose request is the demo's. Numbers that are the model's defaults stay empty. The form
 * has no field for an automatic cutoff's tolerance, so it asks for the default one.
 */
export function demoDraft(plan: DemoPlan, manifest: ModelManifest | null): RequestDraft {
  const { model, prompt, negative_prompt, seed, semantic_repeats } = plan;
  const text = (name: typeof DEFAULTED[number]) =>
    plan[name] === manifest?.defaults[name] ? "" : String(plan[name]);
  return {
    ...EMPTY_DRAFT,
    model,
    prompt,
    negative_prompt,
    seed: String(seed),
    ...Object.fromEntries(DEFAULTED.map((name) => [name, text(name)])),
    semantic_repeats: semantic_repeats === 1 ? "" : String(semantic_repeats),
    ...cutoffDraft(plan),
    ...swapDraft(plan),
    ...statesDraft(plan),
  };
}

const DEFAULTED = ["width", "height", "num_inference_steps", "guidance_scale", "sampler"] as const;

function cutoffDraft({ cutoff, num_inference_steps: steps }: DemoPlan): Partial<RequestDraft> {
  const { guided_from, guided_steps, head, tail, auto } = cutoff;
  return {
    guided_from: guided_from / steps,
    guided_to: (guided_from + guided_steps) / steps,
    decision: auto === null ? "fixed" : "auto",
    head,
    tail,
  };
}

function swapDraft({ eos_swap, num_inference_steps: steps }: DemoPlan): Partial<RequestDraft> {
  if (eos_swap === null) return {};
  const { prompt, from, to, scope, align } = eos_swap;
  return {
    swap_prompt: prompt,
    swap_from: from / steps,
    swap_to: to / steps,
    swap_scope: scope,
    swap_align: align,
  };
}

function statesDraft({ token_states }: DemoPlan): Partial<RequestDraft> {
  return {
    sos_state: token_states?.sos ?? "own",
    semantic_state: token_states?.semantic ?? "own",
    eos_state: token_states?.eos ?? "own",
  };
}
