/// <reference lib="deno.ns" />
/**
 * Samplers that draw noise against DDPM's chain, which both of them are: for data ~ N(μ, s²) and the
 * best prediction every x is normal, and the posterior of Ho et al. 2020 carries its mean and variance
 * along. Over many values drawn apart theirs must be the same.
 */
import assert from "node:assert/strict";
import { createLatents, type Latents } from "../latents.ts";
import { createNoiseSource, seededNoise } from "../noise.ts";
import { alphasCumprod } from "../schedules/noise_schedule.ts";
import { levelOfAlpha } from "../parameterization.ts";
import { parseSchedulerConfig } from "../scheduler_file.ts";
import { SAMPLERS, samplersFor } from "./registry.ts";
import { sampleFromNoise } from "./sampler.ts";

const SHAPE = [4, 128, 96];
const STEPS = 50;
const MEAN = 0.7;
const S = 0.5;
const config = parseSchedulerConfig({
  beta_schedule: "scaled_linear",
  beta_start: 0.00085,
  beta_end: 0.012,
  timestep_spacing: "trailing",
  clip_sample: false,
});
const alphas = alphasCumprod(config);

/** E[x0 | x] = slope * x + offset for data ~ N(μ, s²). */
function bestX0(alpha: number): { slope: number; offset: number } {
  const variance = alpha * S ** 2 + 1 - alpha;
  return { slope: Math.sqrt(alpha) * S ** 2 / variance, offset: (1 - alpha) * MEAN / variance };
}

function bestEpsilon(x: Latents, timestep: number): Latents {
  const alpha = alphas[timestep]!;
  const { signal, noise } = levelOfAlpha(alpha);
  const { slope, offset } = bestX0(alpha);
  const data = x.data.map((value) => (value - signal * (slope * value + offset)) / noise);
  return createLatents(data, x.shape);
}

/** Ho et al. 2020, eq. (6) and (7), between the timesteps that trailing spacing visits. */
function expectedMoments(): { mean: number; variance: number } {
  let [mean, variance] = [0, 1];
  const stride = 1000 / STEPS;
  for (let timestep = 999; timestep > 0; timestep -= stride) {
    const alpha = alphas[timestep]!;
    const before = alphas[timestep - stride] ?? 1;
    const beta = 1 - alpha / before;
    const ofX0 = Math.sqrt(before) * beta / (1 - alpha);
    const ofX = Math.sqrt(alpha / before) * (1 - before) / (1 - alpha);
    const { slope, offset } = bestX0(alpha);
    mean = (ofX0 * slope + ofX) * mean + ofX0 * offset;
    variance = (ofX0 * slope + ofX) ** 2 * variance + (1 - before) / (1 - alpha) * beta;
  }
  return { mean, variance };
}

for (const [name, sampler] of SAMPLERS) {
  const isStochastic = sampler.order === null;
  Deno.test(`${name} ${isStochastic ? "draws once a step" : "draws nothing"}`, () => {
    const flow = parseSchedulerConfig({ _class_name: "FlowMatchEulerDiscreteScheduler" });
    const noise = seededNoise(1, [1, 2, 3]);
    let draws = 0;
    const options = {
      config: samplersFor(flow).includes(name) ? flow : config,
      num_inference_steps: 7,
      drawNoise: () => {
        draws++;
        return noise;
      },
    };
    const sampling = sampleFromNoise(sampler, noise, options);
    let next = sampling.next();
    while (!next.done) next = sampling.next(noise);
    assert.equal(draws, isStochastic ? 7 : 0);
  });

  if (!isStochastic) continue;
  Deno.test(`${name} has the mean and the variance of DDPM's chain`, () => {
    const drawNoise = createNoiseSource(11, SHAPE);
    const noise = drawNoise();
    const sampling = sampleFromNoise(sampler, noise, {
      config,
      num_inference_steps: STEPS,
      drawNoise,
    });
    let next = sampling.next();
    while (!next.done) {
      next = sampling.next(bestEpsilon(next.value.x, Math.round(next.value.timestep)));
    }
    const { data } = next.value;
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    const variance = data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length;
    // The mean of 49,152 values is known to 0.0022 and the variance to 0.7 %: four times that.
    const expected = expectedMoments();
    assert.ok(Math.abs(mean - expected.mean) < 0.009, `mean ${mean}, not ${expected.mean}`);
    const ratio = variance / expected.variance;
    assert.ok(Math.abs(ratio - 1) < 0.026, `variance ${variance}, not ${expected.variance}`);
    // The chain itself tends to the data as its steps get shorter.
    assert.ok(Math.abs(expected.mean - MEAN) < 0.1 && Math.abs(expected.variance - S ** 2) < 0.05);
  });
}
