/** DDIM (Song, Meng and Ermon 2021), eq. (12) and (16), and diffusers' conventions around it. */
import { clamp, combine, type Latents } from "../latents.ts";
import { levelOfAlpha, PARAMETERIZATIONS } from "../parameterization.ts";
import { alphaAt, alphaSchedule } from "../schedules/alpha_schedule.ts";
import { type AlphaSchedule, type Schedule, stepsOf } from "../schedules/schedule.ts";
import { DIFFUSION_PREDICTIONS, type Method, onAlphas, ONCE, type Sampler } from "./sampler.ts";
import type { Sampling, SamplingOptions } from "./sampling.ts";
import { preservingAlphas } from "./start_level.ts";

/** Numbers of diffusers' DDIMScheduler with eta = 0. Draws no noise. */
export const DDIM: Sampler = {
  name: "ddim",
  scheduler: { name: "DDIMScheduler" },
  ...methodOf(0),
  schedule: ({ set_alpha_to_one = true, ...config }, length) =>
    alphaSchedule({ ...config, set_alpha_to_one }, length),
  predictions: DIFFUSION_PREDICTIONS,
  zeroSnr: true,
  calls: ONCE,
  multistep: false,
  order: 1,
};

/** Numbers of diffusers' DDIMScheduler with eta = 1: as much fresh noise as DDPM's posterior has. */
export const DDIM_ETA1: Sampler = {
  ...DDIM,
  name: "ddim_eta1",
  // eta is an argument of diffusers' step, which no file has.
  scheduler: null,
  ...methodOf(1),
  order: null,
};

function methodOf(eta: number): Method<Schedule> {
  return onAlphas({
    sample: (x, schedule, options) => sample(x, schedule, { ...options, eta }),
    startLevel: preservingAlphas,
  });
}

function* sample(
  x: Latents,
  schedule: AlphaSchedule,
  { config, drawNoise, eta }: SamplingOptions & { readonly eta: number },
): Sampling {
  const { clip_sample = true, clip_sample_range, prediction_type } = config;
  const { predictX0, predictEpsilon } = PARAMETERIZATIONS[prediction_type];
  for (const [step, timestep] of stepsOf(schedule)) {
    const alpha = alphaAt(schedule, timestep);
    const point = { x, ...levelOfAlpha(alpha) };
    const clippedX0 = (output: Latents) => {
      const x0 = predictX0(output, point);
      return clip_sample ? clamp(x0, clip_sample_range) : x0;
    };
    const output = yield { x, timestep, step, predictX0: clippedX0 };
    const a = alphaAt(schedule, timestep - schedule.stride);
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
