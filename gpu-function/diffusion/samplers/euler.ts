/**
 * Euler's method on the probability-flow ODE dx/dσ = ε (Karras et al. 2022, algorithm 1 without churn).
 * Numbers of diffusers' EulerDiscreteScheduler.
 */
import { combine, type Latents } from "../latents.ts";
import { modelView, PARAMETERIZATIONS } from "../parameterization.ts";
import { type SigmaSchedule, stepsOf } from "../schedules/schedule.ts";
import { discreteSchedule } from "../schedules/sigma_schedule.ts";
import { DIFFUSION_PREDICTIONS, ONCE, onSigmas, type Sampler } from "./sampler.ts";
import type { Sampling, SamplingOptions } from "./sampling.ts";
import { exploding } from "./start_level.ts";

export const EULER: Sampler = {
  name: "euler",
  scheduler: { name: "EulerDiscreteScheduler" },
  ...onSigmas({ sample, startLevel: exploding }),
  schedule: discreteSchedule,
  predictions: DIFFUSION_PREDICTIONS,
  zeroSnr: true,
  calls: ONCE,
  multistep: false,
  order: 1,
};

/** x is x0 + σ ε between the steps; the model sees it scaled to unit variance. */
function* sample(x: Latents, schedule: SigmaSchedule, { config }: SamplingOptions): Sampling {
  const { predictX0, predictEpsilon } = PARAMETERIZATIONS[config.prediction_type];
  for (const [step, timestep] of stepsOf(schedule)) {
    const sigma = schedule.sigmas[step]!;
    const point = modelView(x, sigma);
    const output = yield {
      x: point.x,
      timestep,
      step,
      predictX0: (output) => predictX0(output, point),
    };
    x = combine({ a: 1, b: schedule.sigmas[step + 1]! - sigma }, x, predictEpsilon(output, point));
  }
  return x;
}
