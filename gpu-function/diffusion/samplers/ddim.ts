/** DDIM (Song, Meng and Ermon 2021), eq. (12) and (16), and diffusers' conventions around it. */
import { clamp, combine, type Latents } from "../latents.ts";
import { alphasCumprod } from "../schedules/noise_schedule.ts";
import { levelOfAlpha, PARAMETERIZATIONS } from "../parameterization.ts";
import { timesteps } from "../schedules/timesteps.ts";
import type { SamplerOptions, Sampling } from "./sampling.ts";

/** Numbers of diffusers' DDIMScheduler with eta = 0. Draws no noise. */
export function sampleDdim(noise: Latents, options: SamplerOptions): Sampling {
  return sample(noise, options, 0);
}

/** Numbers of diffusers' DDIMScheduler with eta = 1: as much fresh noise as DDPM's posterior has. */
export function sampleDdimEta1(noise: Latents, options: SamplerOptions): Sampling {
  return sample(noise, options, 1);
}

function* sample(
  noise: Latents,
  { config, num_inference_steps, drawNoise }: SamplerOptions,
  eta: number,
): Sampling {
  const { timestep_spacing = "leading", set_alpha_to_one = true, clip_sample = true } = config;
  const { predictX0, predictEpsilon } = PARAMETERIZATIONS[config.prediction_type];
  const alphas = alphasCumprod(config);
  // diffusers steps back by this stride even where rounding put the next timestep elsewhere.
  const stride = Math.floor(config.num_train_timesteps / num_inference_steps);
  const finalAlpha = set_alpha_to_one ? 1 : alphas[0]!;
  const visited = timesteps(num_inference_steps, { ...config, timestep_spacing });
  let x = noise;
  for (const [step, timestep] of visited.entries()) {
    const alpha = alphas[timestep]!;
    const point = { x, ...levelOfAlpha(alpha) };
    const clippedX0 = (output: Latents) => {
      const x0 = predictX0(output, point);
      return clip_sample ? clamp(x0, config.clip_sample_range) : x0;
    };
    const output = yield { x, timestep, step, predictX0: clippedX0 };
    const a = alphas[timestep - stride] ?? finalAlpha;
    const variance = eta * eta * ((1 - a) / (1 - alpha)) * (1 - alpha / a);
    x = combine(
      { a: Math.sqrt(a), b: Math.sqrt(Math.max(1 - a - variance, 0)) },
      clippedX0(output),
      predictEpsilon(output, point),
    );
    if (eta > 0) x = combine({ a: 1, b: Math.sqrt(variance) }, x, drawNoise());
  }
  return x;
}
