/** Tries a package out: loads its graphs and runs one row through the denoiser. */
import { areFinite, seededNoise } from "../../../../gpu-function/diffusion/mod.ts";
import {
  type LoadedModel,
  type LoadedText,
  loadModel,
  releaseModel,
} from "../../../../gpu-function/engine/loading/loaded_model.ts";
import type { EncodedText } from "../../../../gpu-function/text/mod.ts";
import type { ModelPackage } from "../../../../gpu-function/packages/model_package.ts";
import type { PackageGraphs } from "../graphs/graph_inspection.ts";

const OPTIONS = { executionProvider: "cpu", intraOpNumThreads: 0, exact: true };

/** The middle of the noise, where every model was trained. */
const TIMESTEP = 500;

export interface Trial {
  /** Milliseconds inside onnxruntime for the one row. */
  readonly rowMs: number;
}

/**
 * Loads the graphs, runs the empty prompt and one row, then hands the model on and releases it.
 * @throws RangeError naming the file that does not load, does not run or gives no numbers
 */
export async function tryModel<T>(
  modelPackage: ModelPackage,
  graphs: PackageGraphs,
  use: (model: LoadedModel, trial: Trial) => Promise<T>,
): Promise<T> {
  const model = await loadModel(modelPackage, OPTIONS);
  try {
    return await use(model, { rowMs: await runRow(model, trialShape(modelPackage, graphs)) });
  } finally {
    await releaseModel(model);
  }
}

/** Latents per side; a larger trial would take minutes and gigabytes and show no more. */
const SIDE_MAX = 32;

/** Halves the model's own size until a trial is quick. */
export function trialShape(
  { manifest: { latents, defaults } }: ModelPackage,
  { denoiser }: PackageGraphs,
): [channels: number, height: number, width: number] {
  const sides = [defaults.height, defaults.width].map((pixels) => {
    let side = pixels / latents.vae_scale_factor;
    while (side > SIDE_MAX && side % 2 === 0) side /= 2;
    return side;
  });
  const [height, width] = fixedSides(denoiser).map((fixed, i) => fixed ?? sides[i] ?? SIDE_MAX);
  return [latents.channels, height ?? SIDE_MAX, width ?? SIDE_MAX];
}

/** Returns height and width in latents where the graph fixes them; null where it takes any. */
export function fixedSides({ inputs }: PackageGraphs["denoiser"]): (number | null)[] {
  return inputs.find(({ shape }) => shape.length === 4)?.shape.slice(2) ?? [null, null];
}

async function runRow(model: LoadedModel, shape: readonly number[]): Promise<number> {
  const { files, text: [first, ...others], family, denoiser } = model;
  const encode = async ({ graph, encoder, tokenizer }: LoadedText) =>
    (await running(graph, () => encoder.encode(tokenizer.tokenize("").ids))).value;
  const encoded: [EncodedText, ...EncodedText[]] = [await encode(first)];
  for (const other of others) encoded.push(await encode(other));
  const states = family.joinText(encoded);
  const row = { x: seededNoise(0, shape), timestep: TIMESTEP, states };
  const { value: [output], milliseconds } = await running(
    files.denoiser,
    () => denoiser.run([row]),
  );
  if (!output || !areFinite(output)) {
    throw new RangeError(`${files.denoiser} gives values that are not finite numbers`);
  }
  return milliseconds;
}

async function running<T>(file: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RangeError(`${file} does not run: ${reason}`, { cause });
  }
}
