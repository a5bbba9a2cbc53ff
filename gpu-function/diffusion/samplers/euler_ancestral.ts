/**
 * Euler's method down to a smaller σ and fresh noise up to the next one, DDPM's posterior variance
 * (Song et al. 2021, eq. 16, in σ). Numbers of diffusers' EulerAncestralDiscreteScheduler.
 */
import { type Latents, weightedSum } from "../latents.ts";
import { modelView, PARAMETERIZATIONS } from "../parameterization.ts";
import { type SigmaSchedule, stepsOf } from "../schedules/schedule.ts";
import { discreteSchedule } from "../schedules/sigma_schedule.ts";
import { ONCE, onSigmas, type Sampler } from "./sampler.ts";
import type { Sampling, SamplingOptions } from "./sampling.ts";
import { exploding } from "./start_level.ts";

/** Knows neither Karras' sigmas nor another end than σ = 0, whatever the file says. */
export const EULER_ANCESTRAL: Sampler = {
  name: "euler_ancestral",
  scheduler: { name: "EulerAncestralDiscreteScheduler" },
  ...onSigmas({ sample, startLevel: exploding }),
  schedule: (config, length) =>
    discreteSchedule({ ...config, use_karras_sigmas: false, final_sigmas_type: "zero" }, length),
  predictions: ["epsilon", "v_prediction"],
  zeroSnr: true,
  calls: ONCE,
  multistep: false,
  order: null,
};

function* sample(
  x: Latents,
  schedule: SigmaSchedule,
  { config, drawNoise }: SamplingOptions,
): Sampling {
  const { predictX0, predictEpsilon } = PARAMETERIZATIONS[config.prediction_type];
  for (const [step, timestep] of stepsOf(schedule)) {
    const from = schedule.sigmas[step]!;
    const to = schedule.sigmas[step + 1]!;
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
