import assert from "node:assert/strict";
import { join } from "node:path";
import {
  type GenerationRequestInput,
  parseGenerationRequest,
  type Plan,
  planGeneration,
  ProblemError,
} from "../../contract/mod.ts";
import type { ConditioningOfPhase } from "./conditioning.ts";
import { type FinishedStep, startDenoising } from "./denoising.ts";
import { createLatents, createNoiseSource, type Latents } from "../diffusion/mod.ts";
import { type LoadedModel, loadModel, releaseModel } from "./loading/loaded_model.ts";
import { readModelPackage } from "../packages/model_package.ts";
import type { DenoiserRow } from "../onnx/denoiser/denoiser_row.ts";

async function withMini(test: (model: LoadedModel) => void): Promise<void> {
  const modelPackage = await readModelPackage(join(import.meta.dirname!, "../models/mini"));
  const options = { executionProvider: "cpu", intraOpNumThreads: 1, exact: true };
  const model = await loadModel(modelPackage, options);
  try {
    test(model);
  } finally {
    await releaseModel(model);
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
  return runWith(model, plan, (rows) => rows.map(({ x }) => scale(x, factor)));
}

const scale = (x: Latents, factor: number, offset = 0) =>
  createLatents(x.data.map((value) => factor * value + offset), x.shape);

/** @param evaluate the denoiser: rows and the number of evaluations before to outputs */
function runWith(
  model: LoadedModel,
  plan: Plan,
  evaluate: (rows: readonly DenoiserRow[], index: number) => readonly Latents[],
) {
  const steps: FinishedStep[] = [];
  const states = { sequence: { data: new Float32Array(), positions: 0, width: 0 }, pooled: null };
  const conditioning: ConditioningOfPhase = ({ rows }) => Array(rows).fill(states);
  const denoising = startDenoising(plan, { model, conditioning });
  let index = 0;
  for (let rows = denoising.nextRows(); rows.length > 0; rows = denoising.nextRows()) {
    // Features say in which call, and in which of its rows, they were computed.
    const features = rows.map(({ reuse }, i) =>
      reuse && !reuse.features ? createLatents(Float32Array.of(index, i), [2, 1, 1]) : null
    );
    const value = evaluate(rows, index++);
    const finished = denoising.accept({ value, features, milliseconds: 1 });
    if (finished) steps.push(finished);
  }
  return { denoising, steps };
}

Deno.test("an output that is not finite fails the run with the step it happened in", () =>
  withMini((model) => {
    const plan = planOf(model, {});
    const denoising = startDenoising(plan, { model, conditioning: () => [] });
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
        const cutoff = {
          guided_from: Math.floor(num_inference_steps / 5),
          guided_steps: Math.floor(num_inference_steps / 2),
          tail: num_inference_steps === 1 ? "null" : "delta",
        } as const;
        const plan = planOf(model, { sampler, num_inference_steps, cutoff });
        const { denoising, steps } = run(model, plan, 0.3);
        assert.equal(denoising.evaluations, plan.evaluations.planned, sampler);
        assert.deepEqual(steps.map(({ step }) => step), [...Array(num_inference_steps).keys()]);
        assert.equal(steps.at(-1)?.evaluations, plan.evaluations.planned);
        assert.equal(new Set(steps.map(({ timestep }) => timestep)).size, num_inference_steps);
      }
    }
  }));

Deno.test("an automatic cutoff ends guidance where a fixed one of that length would, after the first step within the tolerance", () =>
  withMini((model) => {
    const options = { num_inference_steps: 12, guidance_scale: 3 } as const;
    for (const [sampler, calls] of [["ddim", 1], ["heun", 2], ["dpmpp_2m", 1]] as const) {
      // The text adds less in each step, so that its change of the image falls.
      const fading = (rows: readonly DenoiserRow[], index: number) =>
        rows.map(({ x }, i) => scale(x, 0.3, i === 0 ? 0 : 0.5 / (1 + index / calls) ** 3));
      for (const tail of ["null", "cond", "delta"] as const) {
        const auto = { tolerance: 0.02, min_steps: 2, max_steps: 10 };
        const plan = planOf(model, { ...options, sampler, cutoff: { auto, tail } });
        const { denoising, steps } = runWith(model, plan, fading);
        const last = steps.find(({ endedGuidance }) => endedGuidance)?.step ?? NaN;
        assert.ok(last >= 2 && last < 9, `${sampler} ended after step ${last}`);
        const changes = steps.map(({ textChange }) => textChange);
        assert.deepEqual(
          changes.map((change) => change !== null && change <= 0.02),
          steps.map(({ step }) => step === last),
        );
        const cutoff = { guided_steps: last + 1, tail };
        const fixed = runWith(model, planOf(model, { ...options, sampler, cutoff }), fading);
        assert.deepEqual(denoising.latents(), fixed.denoising.latents());
        assert.equal(denoising.evaluations, fixed.denoising.evaluations);
        assert.ok(fixed.steps.every((step) => step.textChange === null && !step.endedGuidance));
      }
    }
  }));

Deno.test("a delta tail adds what the last guided evaluation added, one row an evaluation", () =>
  withMini((model) => {
    const w = 3;
    // Conditional outputs lie ever further from the unconditional one, so each pull is another.
    const guided = (
      x: Latents,
      index: number,
    ) => [scale(x, 0.3), scale(x, 0.3, 0.01 * (index + 1))];
    // [sampler, guided steps, evaluations in them]
    const cases = [["ddim", 3, 3], ["heun", 3, 6], ["pndm", 1, 2], ["dpmpp_2m", 2, 2]] as const;
    for (const [sampler, guided_steps, evaluations] of cases) {
      const input = { sampler, num_inference_steps: 6, guidance_scale: w };
      const planWith = (tail: "null" | "delta") =>
        planOf(model, { ...input, cutoff: { guided_steps, tail } });
      const delta = planWith("delta");
      const result = runWith(
        model,
        delta,
        ([row, second], index) => second ? guided(row!.x, index) : [scale(row!.x, 0.3)],
      );
      const expected = runWith(
        model,
        planWith("null"),
        ([row, second], index) =>
          second ? guided(row!.x, index) : [scale(row!.x, 0.3, w * 0.01 * evaluations)],
      );
      assert.equal(result.denoising.evaluations, delta.evaluations.planned);
      const { data } = expected.denoising.latents();
      for (const [i, value] of result.denoising.latents().data.entries()) {
        assert.ok(Math.abs(value - data[i]!) < 1e-4, `${sampler}: ${value}, not ${data[i]}`);
      }
      const ratios = result.steps.map(({ guidanceNormRatio }) => guidanceNormRatio !== null);
      assert.deepEqual(ratios, ratios.map((_, step) => step < guided_steps));
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

/** For each call the depth of its rows, and in which call and row the features that they take were computed. */
function reusesOf(model: LoadedModel, fields: Partial<GenerationRequestInput>) {
  const calls: string[] = [];
  const { denoising, steps } = runWith(model, planOf(model, fields), (rows) => {
    const of = (reuse: DenoiserRow["reuse"]) =>
      reuse ? `${reuse.depth}:${reuse.features?.data.join(".") ?? "new"}` : "none";
    calls.push(rows.map(({ reuse }) => of(reuse)).join(" "));
    return rows.map(({ x }) => scale(x, 0.1));
  });
  return { calls, steps, compute: denoising.compute, evaluations: denoising.evaluations };
}

Deno.test("each row reuses the features that the last whole call has computed for its own text", async () => {
  await withMini((model) => {
    const settings = { num_inference_steps: 7, reuse: { from: 2, every: 3 } };
    const guided = ["1:new 1:new", "1:new 1:new", "1:1.0 1:1.1", "1:1.0 1:1.1"];
    const { calls, steps, compute, evaluations } = reusesOf(model, settings);
    assert.deepEqual(calls, [...guided, "1:new 1:new", "1:4.0 1:4.1", "1:4.0 1:4.1"]);
    assert.deepEqual(steps.map(({ shallow }) => shallow), [
      false,
      false,
      true,
      true,
      false,
      true,
      true,
    ]);
    const shallow = model.manifest.cuts[0]!.compute;
    assert.deepEqual(compute, { spent: 6 + 8 * shallow, shared: 0 });
    assert.equal(evaluations, 14);
    const cases: readonly [Partial<GenerationRequestInput>, readonly string[]][] = [
      // The empty prompt's row goes on where guidance ended.
      [{ cutoff: { guided_steps: 3 } }, ["1:1.0", "1:new", "1:4.0", "1:4.0"]],
      [{ cutoff: { guided_steps: 3, tail: "cond" } }, ["1:1.1", "1:new", "1:4.0", "1:4.0"]],
      [{ cutoff: { guided_steps: 3, tail: "delta" } }, ["1:1.0", "1:new", "1:4.0", "1:4.0"]],
      // What was computed for a negative prompt is nothing to the empty one.
      [
        { cutoff: { guided_steps: 3 }, negative_prompt: "a chair" },
        ["1:new", "1:3.0", "1:3.0", "1:new"],
      ],
    ];
    for (const [fields, tail] of cases) {
      const { calls } = reusesOf(model, { ...settings, ...fields });
      assert.deepEqual(calls, [...guided.slice(0, 3), ...tail], JSON.stringify(fields));
    }
  });
});

Deno.test("a run that ends guidance by itself plans its whole steps anew", async () => {
  await withMini((model) => {
    const auto = { tolerance: 100, min_steps: 3, max_steps: 6 };
    const fields = {
      num_inference_steps: 8,
      negative_prompt: "a chair",
      cutoff: { auto },
      reuse: { from: 2, every: 8 },
    };
    const { calls } = reusesOf(model, fields);
    assert.deepEqual(calls, [
      ...["1:new 1:new", "1:new 1:new", "1:1.0 1:1.1"],
      ...["1:new", "1:3.0", "1:3.0", "1:3.0", "1:3.0"],
    ]);
  });
});

Deno.test("both calls of a step of Heun are whole, or reuse the same features", async () => {
  await withMini((model) => {
    const { calls } = reusesOf(model, {
      ...{ num_inference_steps: 3, sampler: "heun", guidance_scale: 1 },
      reuse: { from: 1, every: 2 },
    });
    assert.deepEqual(calls, ["1:new", "1:new", "1:1.0", "1:1.0", "1:new"]);
  });
});

Deno.test("a run that reuses nothing neither gives features nor takes any", async () => {
  await withMini((model) => {
    assert.deepEqual(reusesOf(model, { num_inference_steps: 2 }).calls, ["none none", "none none"]);
  });
});

Deno.test("a request's timestep spacing takes the place of the file's", async () => {
  await withMini((model) => {
    const firstTimesteps = (fields: Partial<GenerationRequestInput>) =>
      run(model, planOf(model, { num_inference_steps: 4, ...fields }), 0.1).steps
        .map(({ timestep }) => timestep);
    assert.deepEqual(firstTimesteps({}), [751, 501, 251, 1]);
    assert.deepEqual(firstTimesteps({ timestep_spacing: "leading" }), [751, 501, 251, 1]);
    assert.deepEqual(firstTimesteps({ timestep_spacing: "trailing" }), [999, 749, 499, 249]);
    assert.deepEqual(firstTimesteps({ timestep_spacing: "linspace" }), [999, 666, 333, 0]);
    assert.deepEqual(
      firstTimesteps({ timestep_spacing: "trailing", sampler: "dpmpp_2m" }),
      [999, 749, 499, 249],
    );
  });
});
