/** `models add`: turns a folder of the user's into a model. */
import { copyFile, mkdir, stat, symlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import {
  type ModelPackage,
  readModelPackage,
} from "../../../gpu-function/packages/model_package.ts";
import type { PackageFile } from "../../../gpu-function/packages/package_digest.ts";
import { modelsFolder } from "../../command_line/models_folder.ts";
import { parseStrictly, UsageError } from "../../command_line/command_line.ts";
import { showBytes } from "../../command_line/byte_count.ts";
import type { Command, World } from "./command.ts";
import { describeCuts } from "./cuts.ts";
import { requireSpace } from "./shelf/disk_space.ts";
import { inspectGraphs } from "./graphs/graph_inspection.ts";
import { readId } from "./shelf/model_id.ts";
import { hashFolder } from "./shelf/package_seal.ts";
import { registerPackage, type Registration } from "./shelf/registration.ts";
import { requireFreeId } from "./shelf/shelf.ts";
import { withStaging } from "./shelf/staging.ts";
import { unreadFiles } from "./shelf/unread_files.ts";

export const add: Command = {
  summary: "checks a diffusers ONNX folder and copies it into the models folder",
  help: `Usage: deno task models add <folder> [flags]

Checks a diffusers/optimum ONNX folder, runs it once, names its cross-attention taps, measures where deep
features can be reused, fits the map from latents to RGB, seals it with a digest and puts a copy into the
models folder.
  --models <folder>  models folder, default MODELS_DIR or the embedded one
  --id <id>          name in requests, default made of the folder's name
  --link             link to the folders instead of copying; they then have to stay`,

  async run(args, world) {
    const { values, positionals } = parseStrictly(args, {
      models: { type: "string" },
      id: { type: "string" },
      link: { type: "boolean" },
    });
    const [source] = positionals;
    if (source === undefined || positionals.length > 1) {
      throw new UsageError(`Give exactly one folder, given ${positionals.length}; see --help`);
    }
    const registration = await addFolder(resolve(source), {
      modelsDir: String(values["models"] ?? modelsFolder()),
      id: readId(values["id"]),
      link: values["link"] === true,
    }, world);
    sayRegistration(registration, world);
    return 0;
  },
};

interface AddOptions {
  readonly modelsDir: string;
  readonly id: string | undefined;
  readonly link: boolean;
}

async function addFolder(
  source: string,
  { modelsDir, id, link }: AddOptions,
  world: World,
): Promise<Registration> {
  // Most faults show in the small files and in the graphs' structure, before gigabytes are copied.
  const files = await hashFolder(source);
  const modelPackage = await readModelPackage(source, id);
  inspectGraphs(modelPackage);
  const unread = await unreadFiles(modelPackage);
  await mkdir(modelsDir, { recursive: true });
  await requireFreeId(modelsDir, modelPackage.manifest.id);
  return await withStaging(modelsDir, basename(source), async (staged) => {
    if (link) await linkFolders(modelPackage, files, staged);
    else await copyFiles(source, files, { staged, modelsDir, world });
    // The copy lacks most of what is not read.
    return { ...await registerPackage(staged, { modelsDir, id, shownAs: source }), unread };
  });
}

const OWN_RECORD = "shapefirst.json";

async function copyFiles(
  source: string,
  files: readonly PackageFile[],
  { staged, modelsDir, world }: {
    readonly staged: string;
    readonly modelsDir: string;
    readonly world: World;
  },
): Promise<void> {
  await requireSpace(modelsDir, files.reduce((sum, { bytes }) => sum + bytes, 0), world);
  for (const { path } of files) {
    world.signal.throwIfAborted();
    await mkdir(dirname(join(staged, path)), { recursive: true });
    await copyFile(join(source, path), join(staged, path));
  }
  await copyRecord(source, staged);
}

/** Links whole folders, so that a graph and the weights beside it stay together. */
async function linkFolders(
  { folder: source }: ModelPackage,
  files: readonly PackageFile[],
  staged: string,
): Promise<void> {
  await mkdir(staged, { recursive: true });
  for (const folder of new Set(files.map(({ path }) => dirname(path)))) {
    if (folder !== ".") await symlink(join(source, folder), join(staged, folder), "dir");
  }
  await copyFile(join(source, "model_index.json"), join(staged, "model_index.json"));
  await copyRecord(source, staged);
}

async function copyRecord(source: string, staged: string): Promise<void> {
  const record = join(source, OWN_RECORD);
  const there = await stat(record).catch(() => null);
  if (there) await copyFile(record, join(staged, OWN_RECORD));
}

export function sayRegistration(registration: Registration, world: Pick<World, "say">): void {
  const { manifest, folder, bytes, taps, cuts, latentRgbR2, rowMs, unread } = registration;
  world.say(`${manifest.id}: ${folder}, ${showBytes(bytes)}, digest ${manifest.digest}`);
  world.say(
    `  one denoiser row took ${rowMs.toFixed(1)} ms; ` +
      (taps.length > 0
        ? `${taps.length} cross-attention taps`
        : "no cross-attention Softmax found, so it cannot show attention"),
  );
  world.say(`  ${describeCuts(cuts)}`);
  world.say(`  latent->RGB: ${describeFit(latentRgbR2)}`);
  if (unread.length > 0) world.say(`  not read, so of no effect here: ${describeUnread(unread)}`);
}

/** More names say no more. */
const NAMES_MAX = 10;

function describeUnread(paths: readonly string[]): string {
  const rest = paths.length - NAMES_MAX;
  return paths.slice(0, NAMES_MAX).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

/** Below this the map misses most of what a picture shows. */
const R2_USEFUL = 0.5;

function describeFit(r2: number | null): string {
  if (r2 === null) return "kept as recorded";
  const fitted = `fitted, R2 ${r2.toFixed(3)} on draws kept from the fit`;
  return r2 >= R2_USEFUL ? fitted : `${fitted}: previews by projection will say little`;
}
