/// <reference lib="deno.ns" />
/** A run may start at any step: what it shares with the whole run, and what x has to be there. */
import assert from "node:assert/strict";
import { combine, type Latents, norm } from "../latents.ts";
import { createNoiseSource, seededNoise } from "../noise.ts";
import { levelOfSigma } from "../parameterization.ts";
import { parseSchedulerConfig } from "../scheduler_file.ts";
import type { Schedule } from "../schedules/schedule.ts";
import { SAMPLERS, samplersFor } from "./registry.ts";
import type { Sampler } from "./sampler.ts";
import type { DenoiserQuery } from "./sampling.ts";

const SHAPE = [2, 3, 5];
const STEPS = 12;
const STARTS = [1, 5, STEPS - 1];
const FLOW = parseSchedulerConfig({ _class_name: "FlowMatchEulerDiscreteScheduler", shift: 3 });
// Leading spacing scales pure noise otherwise than what it starts from later.
const FILE = { timestep_spacing: "leading", steps_offset: 1, clip_sample: false };
const DIFFUSION = parseSchedulerConfig(FILE);
const configOf = ({ name }: Sampler) => samplersFor(FLOW).includes(name) ? FLOW : DIFFUSION;

function scheduleOf(sampler: Sampler, start: number): Schedule {
  return sampler.schedule(configOf(sampler), { num_inference_steps: STEPS, start });
}

/** A model of x, the step, and which call of the step it is: timesteps end where a way is cut. */
function outputFor({ x, step }: DenoiserQuery, isSecond = false): Latents {
  return combine({ a: 0.4 + step / 50, b: isSecond ? 0.02 : 0 }, x, x);
}

function run(sampler: Sampler, x: Latents, schedule: Schedule) {
  const queries: DenoiserQuery[] = [];
  const drawNoise = createNoiseSource(9, SHAPE);
  for (let drawn = 0; drawn < schedule.start; drawn++) drawNoise(); // by the steps before
  const sampling = sampler.sample(x, schedule, { config: configOf(sampler), drawNoise });
  let next = sampling.next();
  while (!next.done) {
    const isSecond = queries.at(-1)?.step === next.value.step;
    queries.push(next.value);
    next = sampling.next(outputFor(next.value, isSecond));
  }
  return { queries, latents: next.value };
}

/** x as the whole run has it before this step: what comes out when the way ends there. */
function stateBefore(sampler: Sampler, step: number): Latents {
  const whole = scheduleOf(sampler, 0);
  const cut = { ...whole, timesteps: whole.timesteps.slice(0, step) };
  return run(sampler, seededNoise(5, SHAPE), cut).latents;
}

function distance(x: Latents, y: Latents): number {
  return norm(combine({ a: 1, b: -1 }, x, y)) / norm(y);
}

/** The step of first order on the predicted image: straight on to the next level with the noise in x. */
function firstOrderStep(
  { x, predictX0 }: DenoiserQuery,
  output: Latents,
  sigmas: readonly number[],
) {
  const [from, to] = [levelOfSigma(sigmas[0]!), levelOfSigma(sigmas[1]!)];
  const x0 = predictX0(output);
  const epsilon = combine({ a: 1 / from.noise, b: -from.signal / from.noise }, x, x0);
  return combine({ a: to.signal, b: to.noise }, x0, epsilon);
}

for (const [name, sampler] of SAMPLERS) {
  for (const start of STARTS) {
    Deno.test(`${name} started at step ${start} of ${STEPS} takes the steps that are left`, () => {
      const { queries } = run(sampler, seededNoise(5, SHAPE), scheduleOf(sampler, start));
      const { timesteps } = scheduleOf(sampler, 0);
      for (let step = start; step < STEPS; step++) {
        const ofStep = queries.filter((query) => query.step === step);
        const place = { isFirst: step === start, isLast: step === STEPS - 1 };
        assert.equal(ofStep.length, sampler.calls(place), `calls in step ${step}`);
        assert.equal(ofStep[0]?.timestep, timesteps[step]);
      }
      assert.equal(queries[0]?.step, start);
    });

    if (!sampler.multistep) {
      Deno.test(`${name} started at step ${start} with the whole run's x goes on as that run`, () => {
        const whole = run(sampler, seededNoise(5, SHAPE), scheduleOf(sampler, 0));
        const rest = run(sampler, stateBefore(sampler, start), scheduleOf(sampler, start));
        const shown = ({ x, timestep, step }: DenoiserQuery) => ({ x, timestep, step });
        const left = whole.queries.filter(({ step }) => step >= start);
        assert.deepEqual(rest.queries.map(shown), left.map(shown));
        assert.deepEqual(rest.latents, whole.latents);
      });
    } else if (start < STEPS - 1) {
      Deno.test(`${name} started at step ${start} with the whole run's x begins as step 0 does`, () => {
        const whole = run(sampler, seededNoise(5, SHAPE), scheduleOf(sampler, 0));
        // Multistep samplers keep x as the model sees it.
        const { x } = whole.queries.find(({ step }) => step === start)!;
        const schedule = scheduleOf(sampler, start);
        const rest = run(sampler, x, schedule);
        assert.deepEqual(rest.queries[0]?.x, x);
        assert.notDeepEqual(rest.latents, whole.latents);
        if (!("sigmas" in schedule)) return;
        const [first, second] = rest.queries;
        const step = firstOrderStep(first!, outputFor(first!), schedule.sigmas.slice(start));
        assert.ok(distance(second!.x, step) < 1e-6);
      });
    }

    Deno.test(`${name} started at step ${start} of ${STEPS} sees a noised image as such`, () => {
      const { prediction_type } = configOf(sampler);
      const schedule = scheduleOf(sampler, start);
      const [image, noise] = [seededNoise(1, SHAPE), seededNoise(2, SHAPE)];
      const { signal, noise: scale } = sampler.startLevel(schedule, configOf(sampler));
      const x = combine({ a: signal, b: scale }, image, noise);
      const options = { config: configOf(sampler), drawNoise: () => noise };
      const { value } = sampler.sample(x, schedule, options).next();
      assert.ok("timestep" in value);
      const perfect = prediction_type === "flow" ? combine({ a: 1, b: -1 }, noise, image) : noise;
      const error = distance(value.predictX0(perfect), image);
      assert.ok(error < 1e-4, `the image is off by ${error}`);
    });
  }

  Deno.test(`${name} refuses a start outside of its steps`, () => {
    for (const start of [-1, STEPS, 0.5, NaN]) {
      const sentence = new RegExp(`start must be an integer from 0 to 11, given ${start}`);
      assert.throws(() => scheduleOf(sampler, start), sentence);
    }
  });
}
