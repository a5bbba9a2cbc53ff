/// <reference lib="deno.ns" />
/**
 * Order of convergence against an exact solution: for data ~ N(0, s²) the best prediction is known, and
 * the probability-flow ODE carries x along its standard deviation. Halving the step of a sampler of
 * order p divides its error by 2^p. No weights and no golden to trust.
 */
import assert from "node:assert/strict";
import { createLatents } from "../latents.ts";
import { levelOfSigma, type NoiseLevel } from "../parameterization.ts";
import { parseSchedulerConfig } from "../scheduler_config.ts";
import { trainingSigmas } from "../schedules/sigma_schedule.ts";
import { SAMPLERS, samplersFor } from "./registry.ts";
import type { Sampler } from "./sampling.ts";

/** UniC raises the order of UniP, 2, by one (Zhao et al. 2023, theorem 3.1). */
const ORDERS: Readonly<Record<string, number>> = {
  ddim: 1,
  euler: 1,
  flow_euler: 1,
  heun: 2,
  dpmpp_2m: 2,
  dpmpp_2m_karras: 2,
  pndm: 2,
  unipc: 3,
};
/** Their noise keeps them from any one path: see stochastic_test.ts. */
const STOCHASTIC: readonly string[] = ["ddim_eta1", "euler_ancestral"];
const S = 0.5;
const TRAINING = 64_000;
// Fine training steps, so that the schedule is as good as continuous: betas of 1000 steps over 64.
const DIFFUSION = parseSchedulerConfig({
  num_train_timesteps: TRAINING,
  beta_start: 0.00085 / 64,
  beta_end: 0.012 / 64,
  beta_schedule: "linear",
  set_alpha_to_one: false,
  clip_sample: false,
});
const FLOW = parseSchedulerConfig({
  _class_name: "FlowMatchEulerDiscreteScheduler",
  num_train_timesteps: TRAINING,
});
const table = trainingSigmas(DIFFUSION);

function levelAt(timestep: number, isFlow: boolean): NoiseLevel {
  if (isFlow) return { signal: 1 - timestep / TRAINING, noise: timestep / TRAINING };
  const low = Math.min(Math.floor(timestep), TRAINING - 2);
  return levelOfSigma(table[low]! + (timestep - low) * (table[low + 1]! - table[low]!));
}

const deviation = ({ signal, noise }: NoiseLevel) => Math.hypot(signal * S, noise);

/**
 * Relative error of x on its way from the first evaluation to that of four fifths of the run. Behind it
 * σ goes as the root of the timestep, and no step in time is small any more.
 */
function relativeError(sampler: Sampler, n: number, isFlow: boolean): number {
  const start = createLatents(Float32Array.of(1, -0.5, 2, 0.25, -2, 0.75), [1, 2, 3]);
  const config = isFlow ? FLOW : DIFFUSION;
  const options = { config, num_inference_steps: n, drawNoise: () => start };
  const sampling = sampler(start, options);
  let next = sampling.next();
  let growth = 0;
  let first: number | undefined;
  while (!next.done && next.value.step <= 0.8 * n) {
    const { x, timestep } = next.value;
    const level = levelAt(timestep, isFlow);
    // E[ε | x] = σ x / variance, and E[ε - x0 | x] for flows.
    const scale = (isFlow ? level.noise - level.signal * S * S : level.noise) /
      deviation(level) ** 2;
    const value = x.data[2]! / deviation(level);
    first ??= value;
    growth = value / first;
    next = sampling.next(createLatents(x.data.map((value) => scale * value), x.shape));
  }
  return Math.abs(growth - 1);
}

for (const [name, sampler] of SAMPLERS) {
  if (STOCHASTIC.includes(name)) continue;
  Deno.test(`${name} converges with its order on Gaussian data`, () => {
    const order = ORDERS[name];
    assert.ok(order !== undefined, `add the order of ${name} to this table`);
    const isFlow = samplersFor(FLOW).includes(name);
    const errors = [40, 80, 160].map((n) => relativeError(sampler, n, isFlow));
    for (const [i, error] of errors.slice(1).entries()) {
      const observed = Math.log2(errors[i]! / error);
      assert.ok(Math.abs(observed - order) < 0.35, `order ${observed}, errors ${errors}`);
    }
  });
}
