/**
 * Pseudo numerical methods on manifolds (Liu et al. 2022): algorithm 2's linear multistep part, PLMS,
 * without the Runge-Kutta start, as Stable Diffusion ships it. Numbers of diffusers' PNDMScheduler with
 * `skip_prk_steps`.
 */
import { type Latents, weightedSum } from "../latents.ts";
import { alphasCumprod } from "../schedules/noise_schedule.ts";
import { levelOfAlpha, type NoisyPoint, PARAMETERIZATIONS } from "../parameterization.ts";
import { timesteps } from "../schedules/timesteps.ts";
import type { SamplerOptions, Sampling } from "./sampling.ts";

/** Adams-Bashforth weights, newest output first, by the number of outputs known. */
const MULTISTEP: readonly (readonly number[])[] = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
];

/**
 * One evaluation a step, but two in the first: without older outputs it averages those of both its
 * ends. A run of a single step has one.
 */
export function* samplePndm(
  noise: Latents,
  { config, num_inference_steps }: SamplerOptions,
): Sampling {
  const { timestep_spacing = "leading", set_alpha_to_one = false, num_train_timesteps } = config;
  const { predictX0, predictEpsilon } = PARAMETERIZATIONS[config.prediction_type];
  const alphas = alphasCumprod(config);
  const stride = Math.floor(num_train_timesteps / num_inference_steps);
  const alphaAt = (timestep: number) =>
    timestep < 0 ? (set_alpha_to_one ? 1 : alphas[0]!) : alphas[timestep]!;
  /** The outputs are averaged as they are; what they mean for x is asked of the average. */
  const transfer = (x: Latents, from: number, to: number, output: Latents) => {
    const point = { x, ...levelOfAlpha(alphaAt(from)) };
    return step(point, alphaAt(to), predictEpsilon(output, point));
  };
  const queryAt = (x: Latents, timestep: number, step: number) => {
    const point = { x, ...levelOfAlpha(alphaAt(timestep)) };
    return { x, timestep, step, predictX0: (output: Latents) => predictX0(output, point) };
  };
  const [first, ...rest] = timesteps(num_inference_steps, { ...config, timestep_spacing });
  const outputs = [yield queryAt(noise, first!, 0)];
  let x = transfer(noise, first!, first! - stride, outputs[0]!);
  if (rest.length > 0) {
    const output = yield queryAt(x, rest[0]!, 0);
    const average = weightedSum([[1 / 2, output], [1 / 2, outputs[0]!]]);
    x = transfer(noise, rest[0]! + stride, rest[0]!, average);
  }
  for (const [i, timestep] of rest.entries()) {
    outputs.unshift(yield queryAt(x, timestep, i + 1));
    outputs.splice(4);
    const weights = MULTISTEP[outputs.length - 1]!;
    const output = weightedSum(outputs.map((known, age) => [weights[age]!, known]));
    x = transfer(x, timestep, timestep - stride, output);
  }
  return x;
}

/** Eq. (11) of the paper: DDIM's step from the point to the level of `alpha` along ε. */
function step({ x, signal, noise }: NoisyPoint, alpha: number, epsilon: Latents): Latents {
  const to = levelOfAlpha(alpha);
  return weightedSum([
    [to.signal / signal, x],
    [to.noise - to.signal * noise / signal, epsilon],
  ]);
}
