/** A plan through the serving code, watched where the driver asks for rows. */
import assert from "node:assert/strict";
import {
  type GenerationRequestInput,
  parseGenerationRequest,
  type Plan,
  planGeneration,
} from "../../contract/mod.ts";
import { prepareConditioning } from "../../gpu-function/engine/conditioning.ts";
import { type FinishedStep, startDenoising } from "../../gpu-function/engine/denoising.ts";
import type { Latents } from "../../gpu-function/diffusion/mod.ts";
import { Driver } from "../../gpu-function/engine/rows/driver.ts";
import {
  type LoadedModel,
  loadModel,
  type LoadOptions,
  releaseModel,
} from "../../gpu-function/engine/loading/loaded_model.ts";
import { readModelPackage } from "../../gpu-function/packages/model_package.ts";
import type { DenoiserRow } from "../../gpu-function/onnx/denoiser.ts";

export interface ObservedRun {
  /** The rows of each evaluation, in order. */
  readonly evaluations: readonly (readonly DenoiserRow[])[];
  readonly steps: readonly FinishedStep[];
  readonly latents: Latents;
}

/** @param options rows run alone unless it says otherwise, as the engine's do with one row a batch */
export async function withModel(
  folder: string,
  use: (model: LoadedModel) => Promise<void>,
  options: Partial<LoadOptions> = {},
): Promise<void> {
  const model = await loadModel(await readModelPackage(folder), {
    executionProvider: "cpu",
    intraOpNumThreads: 1,
    exact: true,
    ...options,
  });
  try {
    await use(model);
  } finally {
    await releaseModel(model);
  }
}

export function planOf(model: LoadedModel, input: GenerationRequestInput): Plan {
  const request = parseGenerationRequest(input);
  assert.ok(request.ok, request.ok ? "" : request.problem.detail);
  const plan = planGeneration({ ...request.value, seed: request.value.seed ?? 0 }, model);
  assert.ok(plan.ok, plan.ok ? "" : plan.problem.detail);
  return plan.value;
}

/** @param rowsMax as the engine's; with others running, their rows share batches */
export async function observeRuns(
  model: LoadedModel,
  plans: readonly Plan[],
  rowsMax = 1,
): Promise<ObservedRun[]> {
  const driver = new Driver<FinishedStep>({ rowsMax });
  return await Promise.all(plans.map(async (plan) => {
    const conditioning = await prepareConditioning(plan, model);
    const evaluations: (readonly DenoiserRow[])[] = [];
    const denoising = startDenoising(plan, { model, conditioning: conditioning.value });
    const watched = {
      denoiser: denoising.denoiser,
      batchKey: denoising.batchKey,
      accept: denoising.accept.bind(denoising),
      nextRows() {
        const rows = denoising.nextRows();
        if (rows.length > 0) evaluations.push(rows);
        return rows;
      },
    };
    const steps = await Array.fromAsync(driver.run(watched, new AbortController().signal));
    assert.equal(denoising.evaluations, plan.evaluations.planned);
    return { evaluations, steps, latents: denoising.latents() };
  }));
}
