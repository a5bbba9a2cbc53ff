/** Latents to pixels. */
import { createLatents, type Latents } from "../diffusion/mod.ts";
import { type LoadingOptions, loadSession, type OnnxSession } from "./session.ts";
import type { Timed } from "./inference/turns.ts";

export interface VaeDecoder {
  readonly session: OnnxSession;
  /** [channels, h, w] as the denoiser knows them to [3, height, width] in about [-1, 1]. */
  decode(latents: Latents): Promise<Timed<Latents>>;
}

/** What the VAE's configuration says of its latents. */
export interface VaeForm {
  readonly channels: number;
  /** The denoiser's latents are the VAE's, less `shift_factor` and times `scaling_factor`. */
  readonly scaling_factor: number;
  readonly shift_factor: number;
}

/** Follows diffusers' pipelines, which hand latents / scaling_factor + shift_factor to the decoder. */
export async function loadVaeDecoder(
  file: string,
  { channels, scaling_factor, shift_factor }: VaeForm,
  options: LoadingOptions,
): Promise<VaeDecoder> {
  const types = ["float32", "float16"] as const;
  const session = await loadSession(file, {
    inputs: [{ name: "latent_sample", types, shapes: [[null, channels, null, null]] }],
    outputs: [{ name: "sample", types, shapes: [[null, 3, null, null]] }],
  }, options);
  return {
    session,
    async decode({ data, shape }) {
      const own = data.map((value) => value / scaling_factor + shift_factor);
      const { value, milliseconds } = await session.run({
        latent_sample: { data: own, shape: [1, ...shape] },
      });
      const { data: pixels = new Float32Array(), shape: sides = [] } = value["sample"] ?? {};
      return { value: createLatents(pixels, sides.slice(1)), milliseconds };
    },
  };
}
