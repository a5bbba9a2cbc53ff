import assert from "node:assert/strict";
import { join } from "node:path";
import { parseGenerationRequest, planGeneration, ProblemError } from "../contract/mod.ts";
import { startDenoising } from "./denoising.ts";
import { createLatents } from "./diffusion/mod.ts";
import { loadModel } from "./loaded_model.ts";
import { readModelPackage } from "./model_package.ts";

Deno.test("an output that is not finite fails the job with the step it happened in", async () => {
  const modelPackage = await readModelPackage(join(import.meta.dirname!, "models/mini"));
  const options = { executionProvider: "cpu", intraOpNumThreads: 1, exact: true };
  const model = await loadModel(modelPackage, options);
  const request = parseGenerationRequest({ prompt: "a blue bird", seed: 1 });
  assert.ok(request.ok);
  const plan = planGeneration({ ...request.value, seed: 1 }, model);
  assert.ok(plan.ok);
  const denoising = startDenoising(plan.value, { model, conditioning: () => [], onStep() {} });
  const output = (value: number) => createLatents(new Float32Array(256).fill(value), [4, 8, 8]);
  denoising.accept({ value: [output(1), output(2)], milliseconds: 1 });
  assert.throws(() => denoising.latents(), /not ready before the last step/);
  assert.throws(
    () => denoising.accept({ value: [output(1), output(NaN)], milliseconds: 1 }),
    (error) =>
      error instanceof ProblemError && error.problem.code === "internal" &&
      /output is not finite in step 1 \(timestep 961\)/.test(error.message),
  );
  for (const part of [model.textEncoder, model.denoiser, model.vaeDecoder]) {
    await part.session.release();
  }
});
