/// <reference lib="deno.ns" />
/**
 * Order of convergence against an exact solution: for data ~ N(0, s²) the best prediction is known, and
 * the probability-flow ODE carries x along its standard deviation. Halving the step of a sampler of
 * order p divides its error by 2^p. No weights and no golden to trust.
 */
import assert from "node:assert/strict";
import { createLatents } from "../latents.ts";
import { levelOfSigma, type NoiseLevel } from "../parameterization.ts";
import { parseSchedulerConfig } from "../scheduler_file.ts";
import { discreteSchedule, solverSchedule, trainingSigmas } from "../schedules/sigma_schedule.ts";
import { SAMPLERS, samplersFor } from "./registry.ts";
import type { Sampler } from "./sampler.ts";

const S = 0.5;
const COUNTS = [40, 80, 160];
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

const VALUES = Float32Array.of(1, -0.5, 2, 0.25, -2, 0.75);

/**
 * Relative error of x on its way to the call at four fifths of the whole way, from its start where that
 * is noised data, and from the first call where it is pure noise. After it σ goes as the root of the
 * timestep, and no step in time is small any more.
 */
function relativeError(sampler: Sampler, num_inference_steps: number, start: number): number {
  const isFlow = samplersFor(FLOW).includes(sampler.name);
  const config = isFlow ? FLOW : DIFFUSION;
  const schedule = sampler.schedule(config, { num_inference_steps, start });
  // x is as wide as noised data are at the start.
  const width = deviation(sampler.startLevel(schedule, config));
  const x = createLatents(VALUES.map((value) => width * value), [1, 2, 3]);
  const sampling = sampler.sample(x, schedule, { config, drawNoise: () => x });
  let next = sampling.next();
  let growth = 0;
  let first = start > 0 ? VALUES[2]! : undefined;
  while (!next.done && next.value.step <= 0.8 * num_inference_steps) {
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
  const { order } = sampler;
  // Fresh noise keeps a stochastic sampler from any one path: see stochastic_test.ts.
  if (order === null) continue;
  const errorsFrom = (part: number) => COUNTS.map((n) => relativeError(sampler, n, n * part));

  Deno.test(`${name} converges with its order on Gaussian data`, () => {
    const errors = errorsFrom(0);
    for (const [i, error] of errors.slice(1).entries()) {
      const observed = Math.log2(errors[i]! / error);
      assert.ok(Math.abs(observed - order) < 0.35, `order ${observed}, errors ${errors}`);
    }
  });

  for (const part of [1 / 10, 1 / 2]) {
    Deno.test(`${name} started with noised data at ${part} of the way converges as from noise`, () => {
      const whole = errorsFrom(0);
      for (const [i, error] of errorsFrom(part).entries()) {
        // unipc's error reaches the rounding of float32 tables, which is no less for fewer steps.
        const bound = 1.25 * whole[i]! + 1e-6;
        assert.ok(error < bound, `${COUNTS[i]} steps: ${error}, from noise ${whole[i]}`);
      }
    });
  }

  if (!("sigmas" in scheduleOf(sampler)) || samplersFor(FLOW).includes(name)) continue;
  for (const [schedule, build] of Object.entries({ discreteSchedule, solverSchedule })) {
    for (const use_karras_sigmas of [false, true]) {
      const spacing = use_karras_sigmas ? "Karras' sigmas" : "the file's timesteps";
      Deno.test(`${name} keeps its order on the ${schedule} with ${spacing}`, () => {
        const crossed: Sampler = {
          ...sampler,
          schedule: (config, length) => build({ ...config, use_karras_sigmas }, length),
        };
        for (const part of [0, 1 / 2]) {
          const [coarse, fine] = [40, 80].map((n) => relativeError(crossed, n, n * part));
          const observed = Math.log2(coarse! / fine!);
          assert.ok(Math.abs(observed - order) < 0.35, `order ${observed} from ${part}`);
        }
      });
    }
  }
}

function scheduleOf({ schedule }: Sampler) {
  return schedule(DIFFUSION, { num_inference_steps: 10, start: 0 });
}
