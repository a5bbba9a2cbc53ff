/** What sets one kind of pipeline apart from another; the rest is read from the package's files. */
import type * as v from "valibot";
import type { DenoiserNames } from "../../onnx/denoiser.ts";

export interface ModelFamily {
  /** Classes in `model_index.json`: those of diffusers, and optimum's of the same layout. */
  readonly pipelines: readonly string[];
  /** What diffusers' pipeline does when it is not told otherwise. */
  readonly defaults: { readonly num_inference_steps: number; readonly guidance_scale: number };
  readonly text: TextTraits;
  readonly denoiser: DenoiserTraits;
}

export interface TextTraits {
  /** Token positions where the encoder's config has none of its own; null where it must have them. */
  readonly maxLength: number | null;
  /** Whether encoder and denoiser look away from the padding. */
  readonly paddingMasked: boolean;
  /** Normalizers for `tokenizer.json` in front of its own: what the pipeline does to a prompt first. */
  readonly normalizers: readonly object[];
}

export interface DenoiserTraits {
  readonly folder: "unet" | "transformer";
  readonly config: v.GenericSchema<unknown, DenoiserConfig>;
  readonly names: DenoiserNames;
}

/** The folder's `config.json` in the engine's words. */
export interface DenoiserConfig {
  readonly channels: number;
  /** Those beyond `channels` are a learned variance. */
  readonly outputChannels: number;
  /** Of the latents that the model was trained on, a side. */
  readonly sampleSize: number;
  /** Sides of latents must be a multiple of this. */
  readonly multipleOf: number;
  /** Whether the model is told the image's size. */
  readonly sizeConditions: boolean;
}
