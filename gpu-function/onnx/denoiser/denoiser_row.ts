/** What the denoiser is asked, and what it answers: rows, whose outputs come in the same order. */
import type { Latents } from "../../diffusion/mod.ts";
import type { EncodedText } from "../../text/mod.ts";
import type { Timed } from "../inference/turns.ts";

export interface DenoiserRow {
  readonly x: Latents;
  readonly timestep: number;
  readonly states: EncodedText;
  /** Whether its attention is wanted; only a tapped denoiser has any. */
  readonly tapped?: boolean;
  /** Whether deep features are kept or reused; a row without it does neither. */
  readonly reuse?: FeatureReuse;
}

export interface FeatureReuse {
  /** Which of the model's cuts, the shallowest being 1. */
  readonly depth: number;
  /** Computed by an earlier row, and reused by this one, which is then shallow; null computes them anew. */
  readonly features: Latents | null;
}

export interface DenoiserOutputs extends Timed<readonly Latents[]> {
  /** Per row its cross-attention weights, a [heads, places, tokens] for each layer; null where untapped. */
  readonly attention?: readonly (readonly Latents[] | null)[];
  /** Per row the deep features at the depth that it names, where it has computed them. */
  readonly features?: readonly (Latents | null)[];
  /** Per row, whether the graph ran for it now; without one, for all. */
  readonly fresh?: readonly boolean[];
}
