/**
 * Pseudo numerical methods on manifolds (Liu et al. 2022): algorithm 2's linear multistep part, PLMS,
 * without the Runge-Kutta start, as Stable Diffusion ships it. Numbers of diffusers' PNDMScheduler with
 * `skip_prk_steps`.
 */
import { type Latents, weightedSum } from "../latents.ts";
import { levelOfAlpha, type NoisyPoint, PARAMETERIZATIONS } from "../parameterization.ts";
import { alphaAt, alphaSchedule } from "../schedules/alpha_schedule.ts";
import { type AlphaSchedule, stepsOf } from "../schedules/schedule.ts";
import { onAlphas, type Sampler } from "./sampler.ts";
import type { Sampling, SamplingOptions } from "./sampling.ts";
import { preservingAlphas } from "./start_level.ts";

export const PNDM: Sampler = {
  name: "pndm",
  scheduler: {
    name: "PNDMScheduler",
    only: { skip_prk_steps: true },
    defaults: { skip_prk_steps: false },
  },
  ...onAlphas({ sample, startLevel: preservingAlphas }),
  schedule: ({ set_alpha_to_one = false, ...config }, length) =>
    alphaSchedule({ ...config, set_alpha_to_one }, length),
  predictions: ["epsilon", "v_prediction"],
  zeroSnr: false,
  calls: ({ isFirst, isLast }) => isFirst && !isLast ? 2 : 1,
  multistep: true,
  order: 2,
};

/** Adams-Bashforth weights, newest output first, by the number of outputs known. */
const MULTISTEP: readonly (readonly number[])[] = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
];

/**
 * One call a step, but two in the run's first: without older outputs it averages those of both its
 * ends. A run of a single step has one.
 */
function* sample(x: Latents, schedule: AlphaSchedule, { config }: SamplingOptions): Sampling {
  const { predictX0, predictEpsilon } = PARAMETERIZATIONS[config.prediction_type];
  const { stride } = schedule;
  const pointAt = (x: Latents, timestep: number) => ({
    x,
    ...levelOfAlpha(alphaAt(schedule, timestep)),
  });
  /** The outputs are averaged as they are; what they mean for x is asked of the average. */
  const transfer = (x: Latents, from: number, to: number, output: Latents) => {
    const point = pointAt(x, from);
    return move(point, alphaAt(schedule, to), predictEpsilon(output, point));
  };
  const queryAt = (x: Latents, timestep: number, step: number) => {
    const point = pointAt(x, timestep);
    return { x, timestep, step, predictX0: (output: Latents) => predictX0(output, point) };
  };
  const outputs: Latents[] = [];
  for (const [step, timestep] of stepsOf(schedule)) {
    const start = x;
    outputs.unshift(yield queryAt(x, timestep, step));
    outputs.splice(4);
    const weights = MULTISTEP[outputs.length - 1]!;
    const output = weightedSum(outputs.map((known, age) => [weights[age]!, known]));
    x = transfer(x, timestep, timestep - stride, output);
    const next = schedule.timesteps[step + 1];
    if (step > schedule.start || next === undefined) continue;
    const ahead = yield queryAt(x, next, step);
    const average = weightedSum([[1 / 2, ahead], [1 / 2, outputs[0]!]]);
    x = transfer(start, next + stride, next, average);
  }
  return x;
}

/** Eq. (11) of the paper: DDIM's step from the point to the level of `alpha` along ε. */
function move({ x, signal, noise }: NoisyPoint, alpha: number, epsilon: Latents): Latents {
  const to = levelOfAlpha(alpha);
  return weightedSum([
    [to.signal / signal, x],
    [to.noise - to.signal * noise / signal, epsilon],
  ]);
}
