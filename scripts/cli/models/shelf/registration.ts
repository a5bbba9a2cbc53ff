/** Turns a folder outside the models folder into a model inside it, all of it or nothing. */
import { rename } from "node:fs/promises";
import { join } from "node:path";
import type { ModelManifest } from "../../../../contract/mod.ts";
import {
  type ModelPackage,
  readModelPackage,
} from "../../../../gpu-function/packages/model_package.ts";
import { crossAttentionTaps } from "../graphs/cross_attention.ts";
import { inspectGraphs, type PackageGraphs } from "../graphs/graph_inspection.ts";
import { fitLatentRgb } from "../graphs/latent_rgb.ts";
import { skipCuts } from "../graphs/skip_cuts.ts";
import { measureCuts } from "./cut_trial.ts";
import { hashFolder, sealFaults, withSeal } from "./package_seal.ts";
import { readShapefirst, type ShapefirstJson, writeShapefirst } from "./shapefirst_file.ts";
import { requireFreeId } from "./shelf.ts";
import { fixedSides, trialShape, tryModel } from "./trial.ts";
import { unreadFiles } from "./unread_files.ts";

export interface Registration {
  readonly folder: string;
  readonly manifest: ModelManifest;
  readonly bytes: number;
  readonly taps: readonly string[];
  readonly cuts: Readonly<ModelManifest["cuts"]>;
  /** Null where `shapefirst.json` came with a map, which is then kept. */
  readonly latentRgbR2: number | null;
  readonly rowMs: number;
  /** Paths in the package that nothing here reads. */
  readonly unread: readonly string[];
}

export interface RegistrationOptions {
  readonly modelsDir: string;
  /** Id to use instead of the package's own. */
  readonly id: string | undefined;
  /** Name of the staged folder in error sentences, since its path means nothing to a user. */
  readonly shownAs: string;
}

/**
 * Checks, completes and seals the staged package, then renames it into the models folder, which is
 * on the same disk. The staged folder's name is the package's, unless `shapefirst.json` has another.
 * @throws RangeError naming the file and what is wrong; the models folder is then as before
 */
export async function registerPackage(
  staged: string,
  { modelsDir, id, shownAs }: RegistrationOptions,
): Promise<Registration> {
  try {
    const completed = await completePackage(staged, id);
    const modelPackage = await readModelPackage(staged);
    const { manifest } = modelPackage;
    const unread = await unreadFiles(modelPackage);
    await requireFreeId(modelsDir, manifest.id);
    const folder = join(modelsDir, manifest.id);
    await rename(staged, folder);
    return { folder, manifest, unread, ...completed };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(error.message.replaceAll(staged, shownAs), { cause: error.cause });
  }
}

/** Writes `shapefirst.json` twice: sealed, so that what follows is checked, then complete. */
async function completePackage(staged: string, id: string | undefined) {
  const files = await hashFolder(staged);
  const [fault] = await sealFaults(staged, files);
  if (fault) throw new RangeError(fault);
  const given = await readShapefirst(staged);
  const named = { ...given, ...(id === undefined ? {} : { id }) };
  await writeShapefirst(staged, withSeal(named, files));
  const modelPackage = await readModelPackage(staged);
  const graphs = inspectGraphs(modelPackage);
  const taps = crossAttentionTaps(graphs.denoiser);
  const { rowMs, fit } = await tryModel(modelPackage, graphs, async ({ vaeDecoder }, trial) => {
    const decode = async (latents: Parameters<typeof vaeDecoder.decode>[0]) =>
      (await vaeDecoder.decode(latents)).value;
    const shape = fitShape(modelPackage, graphs);
    return { ...trial, fit: given.latent_rgb ? null : await fitLatentRgb(decode, shape) };
  });
  const cuts = given.cuts ?? await measureCuts(modelPackage, skipCuts(graphs.denoiser));
  const { manifest: { id: ownId, name } } = modelPackage;
  const completed = {
    ...{ id: ownId, name },
    ...named,
    ...sizeOfGraph(modelPackage, graphs, given),
    latent_rgb: fit?.map ?? given.latent_rgb,
    taps,
    cuts,
  };
  await writeShapefirst(staged, withSeal(completed, files));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return { bytes, taps, cuts, latentRgbR2: fit?.r2 ?? null, rowMs };
}

/** Latents per side; decoding more takes longer and fits the map no better. */
const FIT_SIDE_MAX = 16;

function fitShape(modelPackage: ModelPackage, graphs: PackageGraphs): [number, number, number] {
  const [channels, height, width] = trialShape(modelPackage, graphs);
  const [fixedHeight, fixedWidth] = fixedSides(graphs.vaeDecoder);
  return [
    channels,
    fixedHeight ?? Math.min(height, FIT_SIDE_MAX),
    fixedWidth ?? Math.min(width, FIT_SIDE_MAX),
  ];
}

/** A graph that takes only one square size has no other, whatever its configuration says. */
function sizeOfGraph(
  { manifest: { latents } }: ModelPackage,
  { denoiser }: PackageGraphs,
  given: ShapefirstJson,
): Pick<ShapefirstJson, "size" | "defaults"> {
  const [height, width] = fixedSides(denoiser);
  if (given.size !== undefined || !height || height !== width) return {};
  const side = height * latents.vae_scale_factor;
  return {
    defaults: { width: side, height: side, ...given.defaults },
    size: { min: side, max: side, multiple_of: side },
  };
}
