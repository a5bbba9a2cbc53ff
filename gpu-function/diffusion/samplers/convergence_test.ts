/// <reference lib="deno.ns" />
/**
 * Order of convergence against an exact solution: for data ~ N(0, s²) the best ε is known, and the
 * probability-flow ODE carries x along sqrt(ᾱ s² + 1 - ᾱ). Halving the step of a sampler of order p
 * divides its error by 2^p. No weights and no golden to trust.
 */
import assert from "node:assert/strict";
import { createLatents } from "../latents.ts";
import { alphasCumprod } from "../noise_schedule.ts";
import { parseSchedulerConfig } from "../scheduler_config.ts";
import { SAMPLERS } from "./registry.ts";
import type { Sampler } from "./sampling.ts";

const ORDERS: Readonly<Record<string, number>> = { ddim: 1 };
const S = 0.5;
// Fine training steps, so that the schedule is as good as continuous: betas of 1000 steps over 64.
const config = parseSchedulerConfig({
  num_train_timesteps: 64_000,
  beta_start: 0.00085 / 64,
  beta_end: 0.012 / 64,
  beta_schedule: "linear",
  set_alpha_to_one: false,
  clip_sample: false,
});
const alphas = alphasCumprod(config);

/** Relative error after a run of n steps from where that run starts. */
function relativeError(sampler: Sampler, n: number): number {
  const start = createLatents(Float32Array.of(1, -0.5, 2, 0.25, -2, 0.75), [1, 2, 3]);
  const sampling = sampler(start, { config, num_inference_steps: n });
  let next = sampling.next();
  const variance = (a: number) => a * S * S + 1 - a;
  let exact = 0;
  while (!next.done) {
    const { x, timestep, step } = next.value;
    const a = alphas[timestep]!;
    if (step === 0) exact = Math.sqrt(variance(alphas[0]!) / variance(a));
    const scale = Math.sqrt(1 - a) / variance(a);
    next = sampling.next(createLatents(x.data.map((value) => scale * value), x.shape));
  }
  return Math.abs(next.value.data[2]! / start.data[2]! / exact - 1);
}

for (const [name, sampler] of SAMPLERS) {
  Deno.test(`${name} converges with its order on Gaussian data`, () => {
    const order = ORDERS[name];
    assert.ok(order !== undefined, `add the order of ${name} to this table`);
    const errors = [40, 80, 160, 320].map((n) => relativeError(sampler, n));
    for (const [i, error] of errors.slice(1).entries()) {
      const observed = Math.log2(errors[i]! / error);
      assert.ok(Math.abs(observed - order) < 0.2, `order ${observed}, errors ${errors}`);
    }
  });
}
