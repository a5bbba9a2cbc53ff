/**
 * Euler's method on the straight path x = (1 - σ) x0 + σ ε, along v = ε - x0 (Liu et al. 2022). Numbers
 * of diffusers' FlowMatchEulerDiscreteScheduler.
 */
import { combine, type Latents } from "../latents.ts";
import { type NoiseLevel, PARAMETERIZATIONS } from "../parameterization.ts";
import { type SigmaSchedule, stepsOf } from "../schedules/schedule.ts";
import { flowSchedule } from "../schedules/sigma_schedule.ts";
import { ONCE, onSigmas, type Sampler } from "./sampler.ts";
import type { Sampling } from "./sampling.ts";

export const FLOW_EULER: Sampler = {
  name: "flow_euler",
  scheduler: { name: "FlowMatchEulerDiscreteScheduler" },
  ...onSigmas({ sample, startLevel: ({ start, sigmas }) => levelOf(sigmas[start]!) }),
  schedule: flowSchedule,
  predictions: ["flow"],
  zeroSnr: true,
  calls: ONCE,
  multistep: false,
  order: 1,
};

/** The model's output is dx/dσ itself; its timestep is σ times the training timesteps. */
function* sample(x: Latents, schedule: SigmaSchedule): Sampling {
  const { predictX0 } = PARAMETERIZATIONS.flow;
  for (const [step, timestep] of stepsOf(schedule)) {
    const sigma = schedule.sigmas[step]!;
    const point = { x, ...levelOf(sigma) };
    const output = yield { x, timestep, step, predictX0: (output) => predictX0(output, point) };
    x = combine({ a: 1, b: schedule.sigmas[step + 1]! - sigma }, x, output);
  }
  return x;
}

function levelOf(sigma: number): NoiseLevel {
  return { signal: 1 - sigma, noise: sigma };
}
