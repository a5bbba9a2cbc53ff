import assert from "node:assert/strict";
import { join } from "node:path";
import {
  type GenerationRequestInput,
  parseGenerationRequest,
  phaseOfStep,
  type Plan,
  planGeneration,
  ProblemError,
} from "../contract/mod.ts";
import { type FinishedStep, startDenoising } from "./denoising.ts";
import { createLatents, createNoiseSource } from "./diffusion/mod.ts";
import { type LoadedModel, loadModel } from "./loaded_model.ts";
import { readModelPackage } from "./model_package.ts";

async function withMini(test: (model: LoadedModel) => void): Promise<void> {
  const modelPackage = await readModelPackage(join(import.meta.dirname!, "models/mini"));
  const options = { executionProvider: "cpu", intraOpNumThreads: 1, exact: true };
  const model = await loadModel(modelPackage, options);
  try {
    test(model);
  } finally {
    for (const part of [model.textEncoder, model.denoiser, model.vaeDecoder]) {
      await part.session.release();
    }
  }
}

function planOf(model: LoadedModel, input: Partial<GenerationRequestInput>): Plan {
  const request = parseGenerationRequest({ prompt: "a blue bird", ...input });
  assert.ok(request.ok);
  const plan = planGeneration({ ...request.value, seed: 1 }, model);
  assert.ok(plan.ok, plan.ok ? "" : plan.problem.detail);
  return plan.value;
}

/** Runs a plan with every output `factor` times its x. */
function run(model: LoadedModel, plan: Plan, factor: number) {
  const steps: FinishedStep[] = [];
  const states = { data: new Float32Array(), positions: 0, width: 0 };
  const denoising = startDenoising(plan, {
    model,
    conditioning: (step) => Array(phaseOfStep(plan.phases, step).rows).fill(states),
    onStep: (finished) => steps.push(finished),
  });
  for (let rows = denoising.nextRows(); rows.length > 0; rows = denoising.nextRows()) {
    const outputs = rows.map(({ x }) =>
      createLatents(x.data.map((value) => factor * value), x.shape)
    );
    denoising.accept({ value: outputs, milliseconds: 1 });
  }
  return { denoising, steps };
}

Deno.test("an output that is not finite fails the job with the step it happened in", () =>
  withMini((model) => {
    const plan = planOf(model, {});
    const denoising = startDenoising(plan, { model, conditioning: () => [], onStep() {} });
    const output = (value: number) => createLatents(new Float32Array(768).fill(value), [12, 8, 8]);
    denoising.accept({ value: [output(1), output(2)], milliseconds: 1 });
    assert.throws(() => denoising.latents(), /not ready before the last step/);
    assert.throws(
      () => denoising.accept({ value: [output(1), output(NaN)], milliseconds: 1 }),
      (error) =>
        error instanceof ProblemError && error.problem.code === "internal" &&
        /output is not finite in step 1 \(timestep 961\)/.test(error.message),
    );
  }));

Deno.test("every sampler spends the evaluations that are planned, and reports each step once", () =>
  withMini((model) => {
    assert.ok(model.manifest.samplers.length >= 9);
    for (const sampler of model.manifest.samplers) {
      for (const num_inference_steps of [1, 2, 7]) {
        const cutoff = { guided_steps: Math.floor(num_inference_steps / 2) };
        const plan = planOf(model, { sampler, num_inference_steps, cutoff });
        const { denoising, steps } = run(model, plan, 0.3);
        assert.equal(denoising.evaluations, plan.evaluations.planned, sampler);
        assert.deepEqual(steps.map(({ step }) => step), [...Array(num_inference_steps).keys()]);
        assert.equal(steps.at(-1)?.evaluations, plan.evaluations.planned);
        assert.equal(new Set(steps.map(({ timestep }) => timestep)).size, num_inference_steps);
      }
    }
  }));

Deno.test("what a stochastic sampler adds goes on where the seed's initial noise ended", () =>
  withMini((model) => {
    // With outputs of 0 nothing is removed: x is the initial noise and what was added, both scaled.
    const plan = planOf(model, { sampler: "euler_ancestral", num_inference_steps: 2 });
    const draw = createNoiseSource(1, [12, 8, 8]);
    const [initial, added] = [draw(), draw()];
    const { denoising } = run(model, plan, 0);
    const { data } = denoising.latents();
    // Two values tell both scales, and all the others must follow.
    const [i0, i1, a0, a1] = [initial.data[0]!, initial.data[1]!, added.data[0]!, added.data[1]!];
    const determinant = i0 * a1 - i1 * a0;
    const ofInitial = (data[0]! * a1 - data[1]! * a0) / determinant;
    const ofAdded = (i0 * data[1]! - i1 * data[0]!) / determinant;
    assert.ok(ofAdded > 0.01, `${ofAdded}`);
    for (const [i, value] of data.entries()) {
      const expected = ofInitial * initial.data[i]! + ofAdded * added.data[i]!;
      assert.ok(Math.abs(value - expected) < 1e-3, `[${i}] ${value}, ${expected}`);
    }
  }));
