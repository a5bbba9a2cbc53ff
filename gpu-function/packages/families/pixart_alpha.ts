/**
 * PixArt-α (Chen et al. 2023): a transformer that reads T5's states, with the padding masked. Follows
 * diffusers' PixArtAlphaPipeline and PixArtTransformer2DModel, without the binning of sizes.
 */
import * as v from "valibot";
import { STABLE_DIFFUSION_LATENTS } from "./latent_rgb.ts";
import { type DenoiserConfig, type ModelFamily, sampleSize } from "./model_family.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(1));

/** The 1024x1024 model's; diffusers takes it as the sign that the model takes the image's size. */
const SIZE_CONDITIONED_SAMPLE_SIZE = 128;

const transformerConfig = v.pipe(
  v.object({
    sample_size: sampleSize,
    in_channels: count,
    out_channels: v.nullish(count),
    patch_size: count,
    use_additional_conditions: v.nullish(v.boolean()),
  }),
  v.transform((config): DenoiserConfig => ({
    channels: config.in_channels,
    outputChannels: config.out_channels ?? config.in_channels,
    sampleSize: config.sample_size,
    multipleOf: config.patch_size,
    sizeConditions: config.use_additional_conditions ??
      config.sample_size.every((side) => side === SIZE_CONDITIONED_SAMPLE_SIZE),
  })),
);

export const PIXART_ALPHA: ModelFamily = {
  pipelines: ["PixArtAlphaPipeline"],
  defaults: { num_inference_steps: 20, guidance_scale: 4.5 },
  text: [{
    tokenizer: "tokenizer",
    encoder: "text_encoder",
    // T5 has no limit of its own; this is the pipeline's.
    maxLength: 120,
    paddingMasked: true,
    // As diffusers prepares a prompt where the two packages of its `clean_caption` are not installed.
    normalizers: [{ type: "Lowercase" }, { type: "Strip", strip_left: true, strip_right: true }],
    pooled: null,
  }],
  joinText: ([text]) => text,
  denoiser: {
    folder: "transformer",
    config: transformerConfig,
    // optimum has no name for this transformer's; it calls those of others like this.
    names: {
      input: ["hidden_states", "sample"],
      output: ["out_hidden_states", "out_sample", "sample"],
      pooled: null,
    },
    textMasked: true,
  },
  graphsAlone: null,
  latents: STABLE_DIFFUSION_LATENTS,
};
