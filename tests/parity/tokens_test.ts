/** Ids of many strings, odd ones too, equal those of transformers. A wrong id draws otherwise. */
import assert from "node:assert/strict";
import { join } from "node:path";
import * as v from "valibot";
import { createPromptTokenizer } from "../../contract/mod.ts";
import { readModelPackage } from "../../gpu-function/packages/model_package.ts";
import { FIXTURES, readGoldens } from "./goldens.ts";
import { withPackageCopy } from "./package_copy.ts";

const ids = v.array(v.number());
const row = v.object({ text: v.string(), sd1: ids, sd2_base: ids, pixart: ids });
const FILE = join(FIXTURES, "tokens/tokens.json");
const ROWS = v.parse(v.array(row), JSON.parse(await Deno.readTextFile(FILE)));

async function assertIds(folder: string, family: "sd1" | "sd2_base" | "pixart"): Promise<void> {
  const { manifest, text: [{ tokenizerJson, tokenizerConfig }] } = await readModelPackage(folder);
  // The package's own limit would refuse long strings instead of cutting them.
  const text = { ...manifest.text, max_length: 500 };
  const tokenizer = createPromptTokenizer(tokenizerJson, tokenizerConfig, text);
  for (const row of ROWS) {
    const { tokens } = tokenizer.tokenize(row.text);
    const words = tokens.filter((token) => token.class === "semantic").map(({ id }) => id);
    assert.deepEqual(words, row[family], JSON.stringify(row.text));
  }
}

for (const family of ["sd1", "sd2_base", "pixart"] as const) {
  Deno.test(`${family}: ids of ${ROWS.length} strings are those of transformers`, () =>
    assertIds(join(FIXTURES, family, "package"), family));
}

for (const family of ["sd1", "sd2_base"] as const) {
  Deno.test(`${family}: so are they from vocab.json and merges.txt`, async () => {
    const variant = (await readGoldens(family)).variants.find(({ files }) =>
      files.includes("tokenizer/vocab.json")
    );
    assert.ok(variant);
    await withPackageCopy(
      family,
      { variant },
      (modelsDir) => assertIds(join(modelsDir, "package"), family),
    );
  });
}
