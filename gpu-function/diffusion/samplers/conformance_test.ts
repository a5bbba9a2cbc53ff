/// <reference lib="deno.ns" />
/** What every sampler owes its driver, whatever its mathematics. A new sampler is picked up by itself. */
import assert from "node:assert/strict";
import { areFinite, combine, createLatents, type Latents, norm } from "../latents.ts";
import { createNoiseSource, seededNoise } from "../noise.ts";
import { parseSchedulerConfig } from "../scheduler_file.ts";
import { SAMPLERS, samplersFor } from "./registry.ts";
import { sampleFromNoise, type Sampler } from "./sampler.ts";
import type { DenoiserQuery } from "./sampling.ts";

const SHAPE = [2, 3, 5];
const STEPS = [1, 2, 3, 50, 200];
const scaled = ({ data, shape }: Latents, factor: number) =>
  createLatents(data.map((value) => value * factor), shape);

const VARIANCE_PRESERVING = parseSchedulerConfig({ set_alpha_to_one: true, clip_sample: false });
const FLOW = parseSchedulerConfig({ _class_name: "FlowMatchEulerDiscreteScheduler", shift: 3 });

function configOf({ name }: Sampler) {
  return samplersFor(FLOW).includes(name) ? FLOW : VARIANCE_PRESERVING;
}

interface RunOptions {
  readonly steps: number;
  readonly noise?: Latents;
  /** Seed of the noise that stochastic samplers draw. */
  readonly scale?: number;
  readonly model?: (query: DenoiserQuery) => Latents;
}

function run(sampler: Sampler, { steps, noise, scale = 1, model }: RunOptions) {
  const queries: DenoiserQuery[] = [];
  const draw = createNoiseSource(9, SHAPE);
  const sampling = sampleFromNoise(sampler, noise ?? seededNoise(5, SHAPE), {
    config: configOf(sampler),
    num_inference_steps: steps,
    drawNoise: () => scaled(draw(), scale),
  });
  let next = sampling.next();
  while (!next.done) {
    queries.push(next.value);
    next = sampling.next(model ? model(next.value) : scaled(next.value.x, 0.4));
  }
  return { queries, latents: next.value };
}

/** The output from which the sampler predicts this image: its prediction is affine in the output. */
function perfectOutput(query: DenoiserQuery, image: Latents): Latents {
  const at = (value: number) =>
    query.predictX0(createLatents(new Float32Array(image.data.length).fill(value), SHAPE));
  const offset = at(0);
  const slope = combine({ a: 1, b: -1 }, at(1), offset).data[0]!;
  return combine({ a: 1 / slope, b: -1 / slope }, image, offset);
}

for (const [name, sampler] of SAMPLERS) {
  for (const steps of STEPS) {
    Deno.test(`${name} visits each of ${steps} steps in order and ends finite`, () => {
      const { queries, latents } = run(sampler, { steps });
      const calls = Array.from(
        { length: steps },
        (_, step) => sampler.calls({ isFirst: step === 0, isLast: step === steps - 1 }),
      );
      assert.deepEqual(
        calls,
        calls.map((_, step) => queries.filter((q) => q.step === step).length),
      );
      assert.deepEqual([...new Set(queries.map(({ step }) => step))], [...Array(steps).keys()]);
      assert.ok(
        queries.every(({ step, timestep }, i) =>
          i === 0 || (timestep <= queries[i - 1]!.timestep && step >= queries[i - 1]!.step)
        ),
      );
      assert.ok(queries.every(({ x }) => `${x.shape}` === `${SHAPE}` && areFinite(x)));
      assert.deepEqual(latents.shape, SHAPE);
      assert.ok(areFinite(latents));
    });

    Deno.test(`${name} with a perfect model of one image lands on it in ${steps} steps`, () => {
      const image = scaled(seededNoise(1, SHAPE), 0.5);
      const model = (query: DenoiserQuery) => perfectOutput(query, image);
      const { queries, latents } = run(sampler, { steps, model });
      const error = norm(combine({ a: 1, b: -1 }, latents, image)) / norm(image);
      assert.ok(error < 2e-4, `off by ${error}`);
      const seen = queries.at(-1)!.predictX0(model(queries.at(-1)!));
      assert.ok(norm(combine({ a: 1, b: -1 }, seen, image)) / norm(image) < 2e-4);
    });
  }

  Deno.test(`${name} sees noise of about unit variance first`, () => {
    const noise = seededNoise(1, [4, 32, 24]);
    const options = { config: configOf(sampler), num_inference_steps: 20, drawNoise: () => noise };
    const { value } = sampleFromNoise(sampler, noise, options).next();
    assert.ok("x" in value);
    assert.ok(Math.abs(norm(value.x) / norm(noise) - 1) < 0.01);
  });

  Deno.test(`${name} is deterministic and leaves its noise alone`, () => {
    const noise = seededNoise(5, SHAPE);
    const first = run(sampler, { steps: 12, noise }).latents;
    assert.deepEqual(noise, seededNoise(5, SHAPE));
    assert.deepEqual(run(sampler, { steps: 12, noise }).latents, first);
  });

  Deno.test(`${name} is linear in all its noise for a linear model`, () => {
    const noise = seededNoise(5, SHAPE);
    const once = run(sampler, { steps: 12, noise }).latents;
    const twice = run(sampler, { steps: 12, noise: scaled(noise, 2), scale: 2 }).latents;
    assert.deepEqual(twice, scaled(once, 2)); // doubling is exact in binary
  });

  Deno.test(`${name} interleaved with another run gives what it gives alone`, () => {
    const samplings = [1, 2].map((seed) => {
      const draw = createNoiseSource(9, SHAPE);
      const options = { config: configOf(sampler), num_inference_steps: 6, drawNoise: draw };
      return sampleFromNoise(sampler, seededNoise(seed, SHAPE), options);
    });
    const states = samplings.map((sampling) => sampling.next());
    while (states.some(({ done }) => !done)) {
      for (const [i, state] of states.entries()) {
        if (!state.done) states[i] = samplings[i]!.next(scaled(state.value.x, 0.4));
      }
    }
    const alone = [1, 2].map((seed) =>
      run(sampler, { steps: 6, noise: seededNoise(seed, SHAPE) }).latents
    );
    assert.deepEqual(states.map(({ value }) => value), alone);
  });

  Deno.test(`${name} refuses a schedule of another kind of levels`, () => {
    const length = { num_inference_steps: 6, start: 0 };
    const config = configOf(sampler);
    const isOnSigmas = "sigmas" in sampler.schedule(config, length);
    const other = SAMPLERS.get(isOnSigmas ? "ddim" : "euler")!.schedule(config, length);
    const noise = seededNoise(5, SHAPE);
    const sentence = isOnSigmas ? /on σ and was given .* of ᾱ/ : /on ᾱ and was given .* of σ/;
    const options = { config, drawNoise: () => noise };
    assert.throws(() => sampler.sample(noise, other, options), sentence);
    assert.throws(() => sampler.startLevel(other, config), sentence);
  });
}
