/**
 * Writes each model's manifest and tokeniser as static files, so that the edge validates and plans
 * while the GPU function is cold or down.
 */
import { listPackages, readModelPackage } from "../gpu-function/model_package.ts";

/** `<dist>/models/index.json` and `<dist>/models/<id>/{manifest,tokenizer,tokenizer_config}.json` */
export async function publishModels(modelsDir: string, dist: string): Promise<string[]> {
  const target = `${dist}/models`;
  const fresh = await Deno.makeTempDir({ dir: dist, prefix: ".models_" });
  const ids: string[] = [];
  for (const folder of await listPackages(modelsDir)) {
    const { manifest, tokenizerJson, tokenizerConfig } = await readModelPackage(folder);
    await Deno.mkdir(`${fresh}/${manifest.id}`);
    const write = (name: string, value: unknown) =>
      Deno.writeTextFile(`${fresh}/${manifest.id}/${name}.json`, JSON.stringify(value));
    await write("manifest", manifest);
    await write("tokenizer", tokenizerJson);
    await write("tokenizer_config", tokenizerConfig);
    ids.push(manifest.id);
  }
  await Deno.writeTextFile(`${fresh}/index.json`, JSON.stringify({ models: ids }));
  await Deno.remove(target, { recursive: true }).catch(ignoreMissing);
  await Deno.rename(fresh, target);
  return ids;
}

function ignoreMissing(cause: unknown): void {
  if (!(cause instanceof Deno.errors.NotFound)) throw cause;
}
