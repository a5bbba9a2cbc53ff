/** Runs a plan through the serving code, and records the rows that the driver takes. */
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
import type { DenoiserRow } from "../../gpu-function/onnx/denoiser/denoiser_row.ts";

export interface ObservedRun {
  /** The rows of each call of the model, in order. */
  readonly calls: readonly (readonly DenoiserRow[])[];
  readonly steps: readonly FinishedStep[];
  readonly latents: Latents;
}

/** @param options by default rows run alone, like the engine's with one row per batch */
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

/** @param rowsMax the most rows in a batch; with more than one, rows of the runs share batches */
export async function observeRuns(
  model: LoadedModel,
  plans: readonly Plan[],
  rowsMax = 1,
): Promise<ObservedRun[]> {
  const driver = new Driver<FinishedStep>({ rowsMax });
  return await Promise.all(plans.map(async (plan) => {
    const conditioning = await prepareConditioning(plan, model);
    const calls: (readonly DenoiserRow[])[] = [];
    const denoising = startDenoising(plan, { model, conditioning: conditioning.value });
    const watched = {
      denoiser: denoising.denoiser,
      batchKey: denoising.batchKey,
      accept: denoising.accept.bind(denoising),
      nextRows() {
        const rows = denoising.nextRows();
        if (rows.length > 0) calls.push(rows);
        return rows;
      },
    };
    const steps = await Array.fromAsync(driver.run(watched, new AbortController().signal));
    assert.equal(denoising.evaluations, plan.evaluations.planned);
    return { calls, steps, latents: denoising.latents() };
  }));
}
