/**
 * Stable Diffusion 1.x and 2.x: a U-Net that reads CLIP's text states. Only its files make 2.x differ, which
 * say "!" for the padding, wider states and v_prediction.
 */
import * as v from "valibot";
import { STABLE_DIFFUSION_LATENTS } from "./latent_rgb.ts";
import { type DenoiserConfig, type ModelFamily, sampleSize } from "./model_family.ts";
import { textEncoderConfigOf, unetConfigOf, vaeConfigOf } from "./stable_diffusion_graphs.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(1));

/** diffusers' UNet2DConditionModel; every level but the last halves the latents. */
const unetConfig = v.pipe(
  v.object({
    sample_size: sampleSize,
    in_channels: count,
    out_channels: v.nullish(count),
    block_out_channels: v.optional(v.array(count), [1]),
  }),
  v.transform((config): DenoiserConfig => ({
    channels: config.in_channels,
    outputChannels: config.out_channels ?? config.in_channels,
    sampleSize: config.sample_size,
    multipleOf: 2 ** (config.block_out_channels.length - 1),
    sizeConditions: false,
  })),
);

export const STABLE_DIFFUSION: ModelFamily = {
  pipelines: [
    "StableDiffusionPipeline",
    "OnnxStableDiffusionPipeline",
    "ORTStableDiffusionPipeline",
  ],
  defaults: { num_inference_steps: 50, guidance_scale: 7.5 },
  text: [{
    tokenizer: "tokenizer",
    encoder: "text_encoder",
    maxLength: null,
    paddingMasked: false,
    normalizers: [],
    pooled: null,
  }],
  joinText: ([text]) => text,
  denoiser: {
    folder: "unet",
    config: unetConfig,
    names: { input: ["sample"], output: ["out_sample"], pooled: null },
    textMasked: false,
  },
  graphsAlone: {
    pipelines: ["OnnxStableDiffusionPipeline"],
    configs: {
      denoiser: unetConfigOf,
      textEncoder: textEncoderConfigOf,
      vaeDecoder: vaeConfigOf,
    },
  },
  latents: STABLE_DIFFUSION_LATENTS,
};
