// If this breaks, every request reads a file, or a published model goes unseen.
import assert from "node:assert/strict";
import { MANIFEST, TOKENIZER_JSON } from "../../contract/fixtures/planning_model.ts";
import { createAssetModels } from "./asset_models.ts";

Deno.test("Models are read again after two seconds, their tokenisers when the digest changes", async () => {
  const reads: string[] = [];
  let now = 0;
  let manifest: typeof MANIFEST | null = MANIFEST;
  const models = createAssetModels((path) => {
    const [name = ""] = path.match(/[a-z_]+\.json$/) ?? [];
    reads.push(name);
    if (name === "manifest.json") return Promise.resolve(manifest);
    return Promise.resolve(name === "tokenizer.json" ? TOKENIZER_JSON : {});
  }, () => now);
  const first = await models.find(MANIFEST.id);
  assert.deepEqual(reads.splice(0), ["manifest.json", "tokenizer.json", "tokenizer_config.json"]);
  now = 1_999;
  assert.deepEqual(await models.find(MANIFEST.id), first);
  assert.deepEqual(reads, []);
  now = 2_000;
  manifest = { ...MANIFEST, digest: "cd".repeat(32) };
  assert.equal((await models.find(MANIFEST.id))?.manifest.digest, manifest.digest);
  assert.equal(reads.splice(0).length, 3);
  now = 4_000;
  manifest = null;
  assert.equal(await models.find(MANIFEST.id), null);
});

Deno.test("A model that is not there is looked for each time", async () => {
  let reads = 0;
  const models = createAssetModels(() => Promise.resolve(++reads && null), () => 0);
  assert.deepEqual([await models.find("none"), await models.find("none"), reads], [null, null, 2]);
});
