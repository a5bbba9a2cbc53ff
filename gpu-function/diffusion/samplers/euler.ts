/**
 * Euler's method on the probability-flow ODE dx/dσ = ε (Karras et al. 2022, algorithm 1 without churn).
 * Numbers of diffusers' EulerDiscreteScheduler.
 */
import { combine, type Latents, weightedSum } from "../latents.ts";
import { modelView, PARAMETERIZATIONS } from "../parameterization.ts";
import type { SchedulerConfig } from "../scheduler_config.ts";
import { discreteSchedule } from "../schedules/sigma_schedule.ts";
import type { SamplerOptions, Sampling } from "./sampling.ts";

/** x is x0 + σ ε between the steps; the model sees it scaled to unit variance. */
export function* sampleEuler(
  noise: Latents,
  { config, num_inference_steps }: SamplerOptions,
): Sampling {
  const { predictX0, predictEpsilon } = PARAMETERIZATIONS[config.prediction_type];
  const { timesteps, sigmas } = discreteSchedule(num_inference_steps, config);
  let x = weightedSum([[initialScale(sigmas[0]!, config), noise]]);
  for (const [step, timestep] of timesteps.entries()) {
    const sigma = sigmas[step]!;
    const point = modelView(x, sigma);
    const output = yield {
      x: point.x,
      timestep,
      step,
      predictX0: (output) => predictX0(output, point),
    };
    x = combine({ a: 1, b: sigmas[step + 1]! - sigma }, x, predictEpsilon(output, point));
  }
  return x;
}

/**
 * The noise's scale before the first step: diffusers' `init_noise_sigma`, which adds the image's unit
 * variance only for leading spacing.
 */
export function initialScale(sigma: number, { timestep_spacing }: SchedulerConfig): number {
  return timestep_spacing === "leading" ? Math.sqrt(sigma * sigma + 1) : sigma;
}
