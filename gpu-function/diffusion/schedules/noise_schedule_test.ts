/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { alphasCumprod, type BetaOptions, betas } from "./noise_schedule.ts";

const LATENT_DIFFUSION: BetaOptions = {
  num_train_timesteps: 1000,
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: "scaled_linear",
  rescale_betas_zero_snr: false,
};

Deno.test("betas of scaled_linear start and end at the given values, roots evenly spaced", () => {
  const b = betas(LATENT_DIFFUSION);
  assert.ok(Math.abs(b[0]! - 0.00085) < 1e-9);
  assert.ok(Math.abs(b[999]! - 0.012) < 1e-8);
  const middle = (Math.sqrt(b[499]!) + Math.sqrt(b[500]!)) / 2;
  assert.ok(Math.abs(middle - (Math.sqrt(0.00085) + Math.sqrt(0.012)) / 2) < 1e-7);
});

Deno.test("betas of linear are evenly spaced", () => {
  const b = betas({ ...LATENT_DIFFUSION, num_train_timesteps: 5, beta_schedule: "linear" });
  const expected = [0, 1, 2, 3, 4].map((i) => 0.00085 + i * (0.012 - 0.00085) / 4);
  for (const [i, value] of expected.entries()) assert.ok(Math.abs(b[i]! - value) < 1e-9);
});

Deno.test("betas of squaredcos_cap_v2 never pass the cap of Nichol and Dhariwal", () => {
  const b = betas({ ...LATENT_DIFFUSION, beta_schedule: "squaredcos_cap_v2" });
  assert.equal(b[999], Math.fround(0.999));
  assert.ok(b.every((beta, i) => beta > 0 && (i === 0 || beta >= b[i - 1]!)));
});

Deno.test("alphasCumprod is the running product of 1 - beta, falling within (0, 1)", () => {
  const alphas = alphasCumprod(LATENT_DIFFUSION);
  let product = 1;
  for (const [i, beta] of betas(LATENT_DIFFUSION).entries()) {
    product *= 1 - beta;
    // Each factor is rounded to float32, so the product drifts by up to 1000 half units.
    assert.ok(Math.abs(alphas[i]! / product - 1) < 1e-4);
    assert.ok(i === 0 || alphas[i]! < alphas[i - 1]!);
  }
});

Deno.test("rescaled betas end in pure noise and start as they did (Lin et al. 2023)", () => {
  const alphas = alphasCumprod({ ...LATENT_DIFFUSION, rescale_betas_zero_snr: true });
  assert.equal(alphas[999], 0);
  const before = alphasCumprod(LATENT_DIFFUSION);
  assert.ok(Math.abs(alphas[0]! - before[0]!) < 1e-6);
  // The paper's picture: sqrt(ᾱ) is shifted and stretched, so its differences keep their ratios.
  const fall = (values: Float64Array, from: number, to: number) =>
    Math.sqrt(values[from]!) - Math.sqrt(values[to]!);
  const ratio = fall(alphas, 100, 200) / fall(before, 100, 200);
  assert.ok(Math.abs(fall(alphas, 600, 900) / fall(before, 600, 900) - ratio) < 1e-4);
});
