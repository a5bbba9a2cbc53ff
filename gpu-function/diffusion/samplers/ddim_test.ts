/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { combine, createLatents, type Latents } from "../latents.ts";
import { alphasCumprod } from "../noise_schedule.ts";
import { seededNoise } from "../noise.ts";
import { parseSchedulerConfig } from "../scheduler_config.ts";
import { sampleDdim } from "./ddim.ts";
// Recorded from diffusers' own DDIMScheduler by ../fixtures/record.py.
import recorded from "../fixtures/ddim_trajectories.json" with { type: "json" };

/** The same function of (x, t) as in record.py; the last axis has 5 values. */
function model(x: Latents, timestep: number): Latents {
  const scale = 0.6 * (1 - timestep / 2000);
  const neighbour = (i: number) => x.data[i % 5 === 0 ? i + 4 : i - 1]!;
  const data = x.data.map((value, i) => scale * value + 0.2 * neighbour(i) - 0.05);
  return createLatents(data, x.shape);
}

/** Largest difference, relative to the largest value: float32 rounding adds up over the steps. */
function distance(actual: Latents, expected: readonly number[]): number {
  const largest = Math.max(...expected.map(Math.abs), 1);
  return Math.max(...expected.map((value, i) => Math.abs(actual.data[i]! - value))) / largest;
}

for (const { config, num_inference_steps, timesteps, alphas_cumprod, kept } of recorded) {
  const name =
    `${config.prediction_type}, ${config.timestep_spacing}, ${num_inference_steps} steps`;

  Deno.test(`sampleDdim follows diffusers: ${name}`, () => {
    const parsed = parseSchedulerConfig(config);
    const alphas = alphasCumprod(parsed);
    for (const [i, expected] of alphas_cumprod) {
      // The cosine schedule nears 0, where rounding is relative to 1, not to the value.
      assert.ok(Math.abs(alphas[i!]! - expected!) < 1e-7);
    }
    const visited: number[] = [];
    const sampling = sampleDdim(seededNoise(3, [2, 3, 5]), { config: parsed, num_inference_steps });
    let next = sampling.next();
    while (!next.done) {
      const { x, timestep, step, predictX0 } = next.value;
      const output = model(x, timestep);
      const x0 = predictX0(output);
      visited.push(timestep);
      next = sampling.next(output);
      const golden = kept.find((row) => row.step === step);
      if (!golden) continue;
      const after = next.done ? next.value : next.value.x;
      assert.ok(distance(x0, golden.x0) < 5e-6, `x0 of step ${step}: ${distance(x0, golden.x0)}`);
      assert.ok(distance(after, golden.x) < 5e-6, `x of step ${step}`);
    }
    assert.deepEqual(visited, timesteps);
  });
}

Deno.test("sampleDdim with a perfect model of one image lands on that image", () => {
  const config = parseSchedulerConfig({ prediction_type: "sample", clip_sample: false });
  const image = createLatents(Float32Array.of(0.5, -1, 2, 0.25, -0.75, 1.5), [1, 2, 3]);
  const sampling = sampleDdim(seededNoise(1, [1, 2, 3]), { config, num_inference_steps: 4 });
  let next = sampling.next();
  while (!next.done) next = sampling.next(image);
  assert.deepEqual(next.value.data, combine({ a: 1, b: 0 }, image, image).data);
});
