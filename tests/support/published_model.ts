/** The contract's fixture model as the publish script would lay it out. */
import { MANIFEST, TOKENIZER_JSON } from "../../contract/fixtures/planning_model.ts";

/** A temporary folder of static assets; the caller removes it. */
export async function publishFixtureModel(): Promise<string> {
  const dist = await Deno.makeTempDir({ prefix: "shapefirst_assets_" });
  const folder = `${dist}/models/${MANIFEST.id}`;
  await Deno.mkdir(folder, { recursive: true });
  const write = (path: string, value: unknown) => Deno.writeTextFile(path, JSON.stringify(value));
  await write(`${dist}/models/index.json`, { models: [MANIFEST.id] });
  await write(`${folder}/manifest.json`, MANIFEST);
  await write(`${folder}/tokenizer.json`, TOKENIZER_JSON);
  await write(`${folder}/tokenizer_config.json`, {});
  await Deno.writeTextFile(`${dist}/index.html`, "<!doctype html><title>Shapefirst</title>");
  return dist;
}
