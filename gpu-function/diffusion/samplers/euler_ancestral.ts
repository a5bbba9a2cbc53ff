/**
 * Euler's method down to a smaller σ and fresh noise up to the next one, DDPM's posterior variance
 * (Song et al. 2021, eq. 16, in σ). Numbers of diffusers' EulerAncestralDiscreteScheduler.
 */
import { type Latents, weightedSum } from "../latents.ts";
import { modelView, PARAMETERIZATIONS } from "../parameterization.ts";
import { discreteSchedule } from "../schedules/sigma_schedule.ts";
import { initialScale } from "./euler.ts";
import type { SamplerOptions, Sampling } from "./sampling.ts";

/** Knows neither Karras' sigmas nor another end than σ = 0, whatever the file says. */
export function* sampleEulerAncestral(
  noise: Latents,
  { config, num_inference_steps, drawNoise }: SamplerOptions,
): Sampling {
  const { predictX0, predictEpsilon } = PARAMETERIZATIONS[config.prediction_type];
  const plain = { ...config, use_karras_sigmas: false, final_sigmas_type: "zero" } as const;
  const { timesteps, sigmas } = discreteSchedule(num_inference_steps, plain);
  let x = weightedSum([[initialScale(sigmas[0]!, config), noise]]);
  for (const [step, timestep] of timesteps.entries()) {
    const from = sigmas[step]!;
    const to = sigmas[step + 1]!;
    const point = modelView(x, from);
    const output = yield {
      x: point.x,
      timestep,
      step,
      predictX0: (output) => predictX0(output, point),
    };
    const up = Math.sqrt(to ** 2 * (from ** 2 - to ** 2) / from ** 2);
    const down = Math.sqrt(to ** 2 - up ** 2);
    x = weightedSum([[1, x], [down - from, predictEpsilon(output, point)], [up, drawNoise()]]);
  }
  return x;
}
