/**
 * Heun's second-order method (Karras et al. 2022, algorithm 1 without churn). Numbers of diffusers'
 * HeunDiscreteScheduler.
 */
import { clamp, combine, type Latents, weightedSum } from "../latents.ts";
import { modelView, PARAMETERIZATIONS } from "../parameterization.ts";
import { type SigmaSchedule, stepsOf } from "../schedules/schedule.ts";
import { discreteSchedule } from "../schedules/sigma_schedule.ts";
import { DIFFUSION_PREDICTIONS, onSigmas, type Sampler } from "./sampler.ts";
import type { Sampling, SamplingOptions } from "./sampling.ts";
import { exploding } from "./start_level.ts";

export const HEUN: Sampler = {
  name: "heun",
  scheduler: {
    name: "HeunDiscreteScheduler",
    defaults: { beta_start: 0.00085, beta_end: 0.012 },
  },
  ...onSigmas({ sample, startLevel: exploding }),
  schedule: (config, length) => discreteSchedule({ ...config, final_sigmas_type: "zero" }, length),
  predictions: DIFFUSION_PREDICTIONS,
  zeroSnr: false,
  calls: ({ isLast }) => isLast ? 1 : 2,
  multistep: false,
  order: 2,
};

/** Calls the model at a step's start and at its end; in the last, which ends at σ = 0, once. */
function* sample(x: Latents, schedule: SigmaSchedule, { config }: SamplingOptions): Sampling {
  const { predictX0 } = PARAMETERIZATIONS[config.prediction_type];
  const { timesteps, sigmas } = schedule;
  const query = (x: Latents, at: number, step: number) => {
    const point = modelView(x, sigmas[at]!);
    const clippedX0 = (output: Latents) => {
      const x0 = predictX0(output, point);
      return config.clip_sample ? clamp(x0, config.clip_sample_range) : x0;
    };
    return { x: point.x, timestep: timesteps[at]!, step, predictX0: clippedX0 };
  };
  for (const [step] of stepsOf(schedule)) {
    const from = sigmas[step]!;
    const to = sigmas[step + 1]!;
    const start = query(x, step, step);
    const slope = slopeTo(start.predictX0(yield start), x, from);
    const ahead = combine({ a: 1, b: to - from }, x, slope);
    if (to === 0) return ahead;
    const end = query(ahead, step + 1, step);
    const slopeAhead = slopeTo(end.predictX0(yield end), ahead, to);
    x = weightedSum([[1, x], [(to - from) / 2, slope], [(to - from) / 2, slopeAhead]]);
  }
  return x;
}

/** dx/dσ where x0 is the predicted image. */
function slopeTo(x0: Latents, x: Latents, sigma: number): Latents {
  return combine({ a: 1 / sigma, b: -1 / sigma }, x, x0);
}
