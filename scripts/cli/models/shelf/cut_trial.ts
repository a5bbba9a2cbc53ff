/** Measures what is computed after each cut of a denoiser, by running whole rows and shallow ones in turn. */
import type { ModelManifest } from "../../../../contract/mod.ts";
import { seededNoise } from "../../../../gpu-function/diffusion/mod.ts";
import {
  type LoadedModel,
  loadModel,
  releaseModel,
} from "../../../../gpu-function/engine/loading/loaded_model.ts";
import type { DenoiserRow } from "../../../../gpu-function/onnx/denoiser/denoiser_row.ts";
import { rowsTogether } from "../../../../gpu-function/onnx/denoiser/row_groups.ts";
import type { ModelPackage } from "../../../../gpu-function/packages/model_package.ts";
import type { EncodedText } from "../../../../gpu-function/text/mod.ts";

type Cut = ModelManifest["cuts"][number];

const OPTIONS = { executionProvider: "cpu", intraOpNumThreads: 0, exact: true, rowsMax: 2 };
/** More are deeper, and a reuse that still computes most of the model saves little. */
const CUTS_MAX = 3;
const COMPUTE_MAX = 0.6;
/** Short rows are timed more often, since each single time is noise. */
const ROUNDS = { min: 3, max: 100, ms: 2_000 };
const TIMESTEP = 500;

/**
 * Runs the two rows of a guided step at the model's own size, in one batch where they fit into one.
 * @param values where the graph may be cut, the shallowest first
 * @returns those that are worth it, with the compute of a shallow row
 * @throws RangeError when a cut graph does not give what the whole one gives
 */
export async function measureCuts(
  modelPackage: ModelPackage,
  values: readonly string[],
): Promise<Cut[]> {
  if (values.length === 0) return [];
  const tried = values.slice(0, CUTS_MAX).map((value) => ({ value, compute: 1 }));
  const manifest = { ...modelPackage.manifest, cuts: tried };
  const model = await loadModel({ ...modelPackage, manifest }, OPTIONS);
  try {
    const measured: Cut[] = [];
    for (const [i, { value }] of tried.entries()) {
      measured.push({ value, compute: await measureCut(model, i + 1) });
    }
    return measured.filter(({ compute }) => compute <= COMPUTE_MAX);
  } finally {
    await releaseModel(model);
  }
}

/** The median of what rounds of shallow rows take, as a part of what whole ones take beside them. */
async function measureCut(model: LoadedModel, depth: number): Promise<number> {
  const whole = await guidedRows(model, depth);
  const { features = [] } = await model.denoiser.run(whole);
  const shallow = whole.map((row, i) => ({
    ...row,
    reuse: { depth, features: features[i] ?? null },
  }));
  await model.denoiser.run(shallow);
  const ratios: number[] = [];
  const start = performance.now();
  const mayGoOn = () => ratios.length < ROUNDS.max && performance.now() - start < ROUNDS.ms;
  while (ratios.length < ROUNDS.min || mayGoOn()) {
    const wholeMs = await timeOf(() => model.denoiser.run(whole));
    ratios.push(await timeOf(() => model.denoiser.run(shallow)) / wholeMs);
  }
  const [median = 1] = ratios.toSorted((a, b) => a - b).slice(ratios.length >> 1);
  return Math.round(100 * median) / 100;
}

/** The way to the inference thread and back counts: a small model notices it. */
async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function guidedRows(model: LoadedModel, depth: number): Promise<DenoiserRow[]> {
  const { latents: { channels, vae_scale_factor }, defaults: { width, height } } = model.manifest;
  const x = seededNoise(0, [channels, height / vae_scale_factor, width / vae_scale_factor]);
  const states = await encodeNothing(model);
  const row = { x, timestep: TIMESTEP, states, reuse: { depth, features: null } };
  return Array.from({ length: rowsTogether(row, 2) }, () => row);
}

async function encodeNothing(
  { text: [first, ...others], family }: LoadedModel,
): Promise<EncodedText> {
  const encode = async ({ encoder, tokenizer }: typeof first) =>
    (await encoder.encode(tokenizer.tokenize("").ids)).value;
  const encoded: [EncodedText, ...EncodedText[]] = [await encode(first)];
  for (const other of others) encoded.push(await encode(other));
  return family.joinText(encoded);
}
