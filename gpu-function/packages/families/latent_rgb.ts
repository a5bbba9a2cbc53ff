/** Linear maps from latents to RGB, for families whose members share a latent space. */
import type { ModelManifest } from "../../../contract/mod.ts";

/** A latent space, by what a VAE's configuration says of it, and its map to RGB in [-1, 1]. */
export interface LatentSpace {
  readonly channels: number;
  readonly scalingFactor: number;
  readonly rgb: NonNullable<ModelManifest["latent_rgb"]>;
}

/**
 * The space of Stable Diffusion 1.x and 2.x, which PixArt-alpha's VAE has, too. The factors are the ones
 * that ComfyUI publishes for it (`SD15` in `comfy/latent_formats.py`), applied to latents as the denoiser
 * knows them.
 */
export const STABLE_DIFFUSION_LATENTS: LatentSpace = {
  channels: 4,
  scalingFactor: 0.18215,
  rgb: {
    matrix: [
      [0.3512, 0.2297, 0.3227],
      [0.3250, 0.4974, 0.2350],
      [-0.2829, 0.1762, 0.2721],
      [-0.2120, -0.2616, -0.7177],
    ],
    bias: [0, 0, 0],
  },
};
