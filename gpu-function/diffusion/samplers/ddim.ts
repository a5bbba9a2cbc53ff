/** DDIM (Song, Meng and Ermon 2021), eq. (12) with σ = 0, and diffusers' conventions around it. */
import { clamp, combine, type Latents } from "../latents.ts";
import { alphasCumprod } from "../noise_schedule.ts";
import { PARAMETERIZATIONS } from "../parameterization.ts";
import { timesteps } from "../timesteps.ts";
import type { SamplerOptions, Sampling } from "./sampling.ts";

export function* sampleDdim(
  noise: Latents,
  { config, num_inference_steps }: SamplerOptions,
): Sampling {
  const { predictX0, predictEpsilon } = PARAMETERIZATIONS[config.prediction_type];
  const { clip_sample_range: range } = config;
  const alphas = alphasCumprod(config);
  // diffusers steps back by this stride even where rounding put the next timestep elsewhere.
  const stride = Math.floor(config.num_train_timesteps / num_inference_steps);
  const finalAlpha = config.set_alpha_to_one ? 1 : alphas[0]!;
  let x = noise;
  for (const [step, timestep] of timesteps(num_inference_steps, config).entries()) {
    const point = { x, alphaCumprod: alphas[timestep]! };
    const clippedX0 = (output: Latents) => {
      const x0 = predictX0(output, point);
      return range === null ? x0 : clamp(x0, range);
    };
    const output = yield { x, timestep, step, predictX0: clippedX0 };
    const a = alphas[timestep - stride] ?? finalAlpha;
    x = combine(
      { a: Math.sqrt(a), b: Math.sqrt(1 - a) },
      clippedX0(output),
      predictEpsilon(output, point),
    );
  }
  return x;
}
