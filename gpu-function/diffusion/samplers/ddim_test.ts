/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { combine, createLatents, type Latents, norm } from "../latents.ts";
import { seededNoise } from "../noise.ts";
import { parseSchedulerConfig } from "../scheduler_file.ts";
import { DDIM, DDIM_ETA1 } from "./ddim.ts";
import { sampleFromNoise } from "./sampler.ts";
import type { Sampling } from "./sampling.ts";

const never = () => assert.fail("no noise is needed");

function finish(sampling: Sampling, output: Latents): Latents {
  let next = sampling.next();
  while (!next.done) next = sampling.next(output);
  return next.value;
}

Deno.test("ddim with a perfect model of one image lands on that image", () => {
  const config = parseSchedulerConfig({ prediction_type: "sample", clip_sample: false });
  const image = createLatents(Float32Array.of(0.5, -1, 2, 0.25, -0.75, 1.5), [1, 2, 3]);
  const options = { config, num_inference_steps: 4, drawNoise: never };
  const latents = finish(sampleFromNoise(DDIM, seededNoise(1, [1, 2, 3]), options), image);
  assert.deepEqual(latents.data, image.data);
});

Deno.test("ddim_eta1 adds the posterior's variance of fresh noise in one step", () => {
  // From t = 500 to t = 0 with x0 = 0 = ε nothing is left but sqrt(variance) times the noise.
  const config = parseSchedulerConfig({ prediction_type: "epsilon", clip_sample: false });
  const drawn = createLatents(Float32Array.of(1, -1, 2, 0.5, -0.5, 3), [1, 2, 3]);
  const zero = combine({ a: 0, b: 0 }, drawn, drawn);
  const options = { config, num_inference_steps: 2, drawNoise: () => drawn };
  const sampling = sampleFromNoise(DDIM_ETA1, zero, options);
  sampling.next();
  const { value } = sampling.next(zero);
  assert.ok("timestep" in value && value.timestep === 0);
  // Linear betas of 1e-4 .. 0.02: 1 - ᾱ is 1e-4 at t = 0 and 0.922 at t = 500.
  const expected = Math.sqrt(1e-4 / 0.9218 * (1 - 0.0782 / 0.9999));
  assert.ok(Math.abs(norm(value.x) / norm(drawn) / expected - 1) < 1e-3);
});
