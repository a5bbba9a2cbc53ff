/** A package put to the test: its graphs loaded, one row through the denoiser. */
import { areFinite, seededNoise } from "../../gpu-function/diffusion/mod.ts";
import { type LoadedModel, loadModel } from "../../gpu-function/loaded_model.ts";
import type { ModelPackage } from "../../gpu-function/model_package.ts";
import type { PackageGraphs } from "./graph_inspection.ts";

const OPTIONS = { executionProvider: "cpu", intraOpNumThreads: 0, exact: true };

/** In the middle of the noise, where every model was trained. */
const TIMESTEP = 500;

export interface Trial {
  /** Inside onnxruntime, of the one row. */
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
    for (const { session } of [model.textEncoder, model.denoiser, model.vaeDecoder]) {
      await session.release();
    }
  }
}

/** The smallest latents of the model, so that a large one is tried in seconds. */
export function trialShape(
  { manifest: { latents, size } }: ModelPackage,
  { denoiser }: PackageGraphs,
): [channels: number, height: number, width: number] {
  const side = Math.max(1, Math.floor(size.min / latents.vae_scale_factor));
  const [height, width] = fixedSides(denoiser);
  return [latents.channels, height ?? side, width ?? side];
}

/** Height and width in latents where the graph takes only these; null where it takes any. */
export function fixedSides({ inputs }: PackageGraphs["denoiser"]): (number | null)[] {
  return inputs.find(({ shape }) => shape.length === 4)?.shape.slice(2) ?? [null, null];
}

async function runRow(model: LoadedModel, shape: readonly number[]): Promise<number> {
  const { files, tokenizer, textEncoder, denoiser } = model;
  const states = await running(
    files.textEncoder,
    () => textEncoder.encode(tokenizer.tokenize("").ids),
  );
  const row = { x: seededNoise(0, shape), timestep: TIMESTEP, states: states.value };
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
