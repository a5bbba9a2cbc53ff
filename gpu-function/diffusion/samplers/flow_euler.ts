/**
 * Euler's method on the straight path x = (1 - σ) x0 + σ ε, along v = ε - x0 (Liu et al. 2022). Numbers
 * of diffusers' FlowMatchEulerDiscreteScheduler.
 */
import { combine, type Latents } from "../latents.ts";
import { PARAMETERIZATIONS } from "../parameterization.ts";
import { flowSchedule } from "../schedules/sigma_schedule.ts";
import type { SamplerOptions, Sampling } from "./sampling.ts";

/** The model's output is dx/dσ itself; its timestep is σ times the training timesteps. */
export function* sampleFlowEuler(
  noise: Latents,
  { config, num_inference_steps }: SamplerOptions,
): Sampling {
  const { predictX0 } = PARAMETERIZATIONS.flow;
  const { timesteps, sigmas } = flowSchedule(num_inference_steps, config);
  let x = noise;
  for (const [step, timestep] of timesteps.entries()) {
    const sigma = sigmas[step]!;
    const point = { x, signal: 1 - sigma, noise: sigma };
    const output = yield { x, timestep, step, predictX0: (output) => predictX0(output, point) };
    x = combine({ a: 1, b: sigmas[step + 1]! - sigma }, x, output);
  }
  return x;
}
