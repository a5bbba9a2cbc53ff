/** The request's settings with the model's defaults filled in. */
import * as v from "valibot";
import { type Cutoff, planCutoff } from "./planned_cutoff.ts";
import { eosSwapOptions } from "../request/eos_swap.ts";
import type { SeededRequest } from "../request/generation_request.ts";
import type { TimestepSpacing } from "../request/timestep_spacing.ts";
import type { TokenStates } from "../request/token_states.ts";
import type { ModelManifest } from "../model_manifest.ts";
import { count, type DeepReadonly } from "../wire_schema.ts";

/** In the steps `from` (included) to `to` (excluded) the [EOS] is that of `prompt`. */
export const plannedEosSwap = v.object({
  prompt: v.string(),
  from: count,
  to: count,
  ...eosSwapOptions.entries,
});

export type EosSwap = DeepReadonly<v.InferOutput<typeof plannedEosSwap>>;

/**
 * The request's settings, defaults filled. Steps may lie outside the run until they are checked.
 */
export interface Settings {
  readonly width: number;
  readonly height: number;
  readonly num_inference_steps: number;
  readonly guidance_scale: number;
  readonly sampler: string;
  /** Null where the model's scheduler file says it, or else the sampler. */
  readonly timestep_spacing: TimestepSpacing | null;
  readonly cutoff: Cutoff;
  readonly eos_swap: EosSwap | null;
  readonly token_states: TokenStates | null;
}

export function fillDefaults(
  request: SeededRequest,
  { defaults, timestep_spacing }: ModelManifest,
): Settings {
  const steps = request.num_inference_steps ?? defaults.num_inference_steps;
  const { eos_swap, token_states } = request;
  return {
    width: request.width ?? defaults.width,
    height: request.height ?? defaults.height,
    num_inference_steps: steps,
    guidance_scale: request.guidance_scale ?? defaults.guidance_scale,
    sampler: request.sampler ?? defaults.sampler,
    timestep_spacing: spacingOf(request, timestep_spacing),
    cutoff: planCutoff(request.cutoff, steps),
    eos_swap: eos_swap ? { ...eos_swap, from: eos_swap.from ?? 0, to: eos_swap.to ?? steps } : null,
    token_states: token_states
      ? {
        sos: token_states.sos ?? null,
        semantic: token_states.semantic ?? null,
        eos: token_states.eos ?? null,
      }
      : null,
  };
}

/** The file's own, asked for by name, is no other request. */
function spacingOf(
  { timestep_spacing: asked }: SeededRequest,
  own: TimestepSpacing | null,
): TimestepSpacing | null {
  return asked === undefined || asked === own ? null : asked;
}
