/// <reference lib="deno.ns" />
/** What every sampler owes its driver, whatever its mathematics. A new sampler is picked up by itself. */
import assert from "node:assert/strict";
import { areFinite, createLatents, type Latents } from "../latents.ts";
import { seededNoise } from "../noise.ts";
import { parseSchedulerConfig } from "../scheduler_config.ts";
import { SAMPLERS } from "./registry.ts";
import type { DenoiserQuery, Sampler } from "./sampling.ts";

const SHAPE = [2, 3, 5];
const config = parseSchedulerConfig({ set_alpha_to_one: false, clip_sample: false });
const scaled = ({ data, shape }: Latents, factor: number) =>
  createLatents(data.map((value) => value * factor), shape);

function run(sampler: Sampler, noise: Latents, num_inference_steps: number) {
  const queries: DenoiserQuery[] = [];
  const sampling = sampler(noise, { config, num_inference_steps });
  let next = sampling.next();
  while (!next.done) {
    queries.push(next.value);
    next = sampling.next(scaled(next.value.x, 0.4));
  }
  return { queries, latents: next.value };
}

for (const [name, sampler] of SAMPLERS) {
  for (const steps of [1, 2, 50, 200]) {
    Deno.test(`${name} visits each of ${steps} steps in order and ends finite`, () => {
      const { queries, latents } = run(sampler, seededNoise(5, SHAPE), steps);
      assert.deepEqual([...new Set(queries.map(({ step }) => step))], [...Array(steps).keys()]);
      assert.ok(
        queries.every(({ timestep }, i) => i === 0 || timestep <= queries[i - 1]!.timestep),
      );
      assert.ok(queries.every(({ x }) => x.shape === SHAPE || `${x.shape}` === `${SHAPE}`));
      assert.deepEqual(latents.shape, SHAPE);
      assert.ok(areFinite(latents));
    });
  }

  Deno.test(`${name} is deterministic and leaves its noise alone`, () => {
    const noise = seededNoise(5, SHAPE);
    const first = run(sampler, noise, 12).latents;
    assert.deepEqual(noise, seededNoise(5, SHAPE));
    assert.deepEqual(run(sampler, noise, 12).latents, first);
  });

  Deno.test(`${name} is linear in x for a linear model`, () => {
    const noise = seededNoise(5, SHAPE);
    const once = run(sampler, noise, 12).latents;
    const twice = run(sampler, scaled(noise, 2), 12).latents;
    assert.deepEqual(twice, scaled(once, 2)); // doubling is exact in binary
  });

  Deno.test(`${name} interleaved with another run gives what it gives alone`, () => {
    const options = { config, num_inference_steps: 6 };
    const samplings = [1, 2].map((seed) => sampler(seededNoise(seed, SHAPE), options));
    const states = samplings.map((sampling) => sampling.next());
    while (states.some(({ done }) => !done)) {
      for (const [i, state] of states.entries()) {
        if (!state.done) states[i] = samplings[i]!.next(scaled(state.value.x, 0.4));
      }
    }
    const alone = [1, 2].map((seed) => run(sampler, seededNoise(seed, SHAPE), 6).latents);
    assert.deepEqual(states.map(({ value }) => value), alone);
  });
}
