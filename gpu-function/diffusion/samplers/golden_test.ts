/// <reference lib="deno.ns" />
/** Every sampler against its scheduler in diffusers, on a fixed function in the model's place. */
import assert from "node:assert/strict";
import { createLatents, type Latents } from "../latents.ts";
import { createNoiseSource } from "../noise.ts";
import { alphasCumprod } from "../schedules/noise_schedule.ts";
import { parseSchedulerConfig } from "../scheduler_file.ts";
import { SAMPLERS, samplersFor } from "./registry.ts";
import { sampleFromNoise } from "./sampler.ts";
// Recorded from diffusers by ../fixtures/record.py.
import recorded from "../fixtures/trajectories.json" with { type: "json" };

const SHAPE = [2, 3, 5];
const toNumbers = (digits: string) => digits.split(" ").map(Number);

/** The same function of (x, t) as in record.py; the last axis has 5 values. */
function model(x: Latents, timestep: number): Latents {
  const scale = 0.6 * (1 - timestep / 2000);
  const neighbour = (i: number) => x.data[i % 5 === 0 ? i + 4 : i - 1]!;
  const data = x.data.map((value, i) => scale * value + 0.2 * neighbour(i) - 0.05);
  return createLatents(data, x.shape);
}

/** Relative L2. */
function distance(actual: Latents, digits: string): number {
  const expected = toNumbers(digits);
  assert.equal(actual.data.length, expected.length);
  const difference = expected.map((value, i) => actual.data[i]! - value);
  return Math.hypot(...difference) / Math.hypot(...expected);
}

function createRelative(tolerance: number) {
  return (actual: readonly number[], digits: string, what: string) => {
    const expected = toNumbers(digits);
    assert.equal(actual.length, expected.length, what);
    for (const [i, value] of expected.entries()) {
      const error = Math.abs(actual[i]! - value);
      assert.ok(error <= tolerance * value, `${what} ${i}: ${actual[i]}, diffusers ${value}`);
    }
  };
}

for (const [number, row] of recorded.rows.entries()) {
  const { config: { _class_name, ...options }, num_inference_steps } = row;
  const name = `${row.sampler}, ${num_inference_steps} steps of ${JSON.stringify(options)}`;

  Deno.test(`golden ${number}: ${name}`, () => {
    const config = parseSchedulerConfig(row.config);
    assert.ok(samplersFor(config).includes(row.sampler), "fits its own file");
    // torch's square root, which zero SNR takes, is not the same on every machine: seen is 4e-6 on
    // the schedule, and 7e-6 on latents that start at σ = 4096.
    const isZeroSnr = config.rescale_betas_zero_snr;
    const assertRelative = createRelative(isZeroSnr ? 1e-5 : 1e-6);
    const tolerance = isZeroSnr ? 1e-5 : 2e-6;
    if (row.alphas_cumprod !== undefined) {
      const alphas = alphasCumprod(config);
      const picked = [0, 1, 250, 499, 750, 997, 998].map((i) => alphas[i]!);
      assertRelative(picked, row.alphas_cumprod, "alphas_cumprod");
    }
    const drawNoise = createNoiseSource(3, SHAPE);
    const noise = drawNoise();
    const sampler = SAMPLERS.get(row.sampler)!;
    const schedule = sampler.schedule(config, { num_inference_steps, start: 0 });
    if ("sigmas" in schedule) {
      assert.ok(row.sigmas !== undefined, "diffusers steps on sigmas here too");
      // diffusers' Heun lists the inner levels twice, once for each evaluation.
      const doubled = schedule.sigmas.flatMap((sigma, i, all) =>
        row.sampler === "heun" && i > 0 && i < all.length - 1 ? [sigma, sigma] : [sigma]
      );
      assertRelative(doubled, row.sigmas, "sigma");
    }

    const visited: number[] = [];
    const sampling = sampleFromNoise(sampler, noise, { config, num_inference_steps, drawNoise });
    let next = sampling.next();
    while (!next.done) {
      const { x, timestep } = next.value;
      const seen = row.seen.find(({ evaluation }) => evaluation === visited.length);
      if (seen) {
        const error = distance(x, seen.x);
        assert.ok(error < tolerance, `x of evaluation ${visited.length} is off by ${error}`);
      }
      visited.push(timestep);
      next = sampling.next(model(x, timestep));
    }
    assertRelative(visited, row.timesteps, "timestep");
    const error = distance(next.value, row.latents);
    assert.ok(error < tolerance, `the final latents are off by ${error}`);
  });
}
