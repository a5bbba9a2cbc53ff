/**
 * Writes each model's manifest and tokeniser as static files, so that the edge validates and plans
 * while the GPU function is cold or down.
 */
import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import {
  listPackages,
  type ModelPackage,
  readModelPackage,
} from "../../gpu-function/packages/model_package.ts";
import { packageFault } from "../../gpu-function/packages/package_fault.ts";

/**
 * Writes `<dist>/models/index.json` and
 * `<dist>/models/<id>/{manifest,tokenizer,tokenizer_config}.json`. Equal files stay untouched,
 * because a running edge watches this folder and restarts when it changes.
 */
export async function publishModels(modelsDir: string, dist: string): Promise<string[]> {
  const target = `${dist}/models`;
  const files = new Map<string, string>();
  const ids: string[] = [];
  for (const modelPackage of await readablePackages(modelsDir)) {
    const { manifest, text: [{ tokenizerJson, tokenizerConfig }] } = modelPackage;
    const add = (name: string, value: unknown) =>
      files.set(`${manifest.id}/${name}.json`, JSON.stringify(value));
    add("manifest", manifest);
    add("tokenizer", tokenizerJson);
    add("tokenizer_config", tokenizerConfig);
    ids.push(manifest.id);
  }
  files.set("index.json", JSON.stringify({ models: ids }));
  if (!await holdsExactly(target, files)) await replaceFolder(target, files);
  return ids;
}

/**
 * The GPU function puts aside what cannot be read, and says why.
 * @throws RangeError when nothing can be read
 */
async function readablePackages(modelsDir: string): Promise<ModelPackage[]> {
  const packages = new Map<string, ModelPackage>();
  let fault: RangeError | null = null;
  for (const folder of await listPackages(modelsDir)) {
    try {
      const modelPackage = await readModelPackage(folder);
      const { id } = modelPackage.manifest;
      if (!packages.has(id)) packages.set(id, modelPackage);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      fault ??= new RangeError(packageFault(folder, error), { cause: error });
    }
  }
  if (packages.size === 0 && fault) throw fault;
  return [...packages.values()];
}

/** @param files texts by their paths in the folder */
async function holdsExactly(folder: string, files: ReadonlyMap<string, string>): Promise<boolean> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  if (entries.filter((entry) => entry.isFile()).length !== files.size) return false;
  for (const [path, text] of files) {
    if (await Deno.readTextFile(`${folder}/${path}`).catch(() => null) !== text) return false;
  }
  return true;
}

/** Replaces the folder at once, so that nobody reads half of it. */
async function replaceFolder(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  const fresh = await Deno.makeTempDir({ dir: dirname(folder), prefix: ".models_" });
  for (const [path, text] of files) {
    await Deno.mkdir(dirname(`${fresh}/${path}`), { recursive: true });
    await Deno.writeTextFile(`${fresh}/${path}`, text);
  }
  await Deno.remove(folder, { recursive: true }).catch(ignoreMissing);
  await Deno.rename(fresh, folder);
}

function ignoreMissing(cause: unknown): void {
  if (!(cause instanceof Deno.errors.NotFound)) throw cause;
}
