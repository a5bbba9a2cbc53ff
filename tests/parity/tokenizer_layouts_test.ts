/** A tokenizer's folder gives the ids that transformers gives, whichever of its files says what. */
import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { createPromptTokenizer } from "../../contract/mod.ts";
import { readModelPackage } from "../../gpu-function/packages/model_package.ts";
import { FIXTURES } from "./goldens.ts";
import { withPackageCopy } from "./package_copy.ts";

const numbers = v.array(v.number());
const tokenizerJson = v.looseObject({
  added_tokens: v.array(v.unknown()),
  model: v.looseObject({
    vocab: v.unknown(),
    merges: v.optional(v.array(v.union([v.string(), v.array(v.string())])), []),
  }),
});
const layout = v.object({
  name: v.string(),
  family: v.picklist(["sd1", "sd2_base", "pixart"]),
  /** Null where the fixture's own file is not there, "vocabulary" where it is made from tokenizer.json. */
  files: v.record(v.string(), v.unknown()),
  named: v.record(v.picklist(["bos", "eos", "pad", "unk"]), v.nullable(v.number())),
  /** The last one fills the rest. */
  ids: v.array(numbers),
});
const { texts, layouts, length } = v.parse(
  v.object({ texts: v.array(v.string()), length: v.number(), layouts: v.array(layout) }),
  JSON.parse(await readFile(join(FIXTURES, "tokenizer_layouts/layouts.json"), "utf8")),
);

type Layout = v.InferOutput<typeof layout>;

async function layOut(folder: string, { files }: Layout): Promise<void> {
  const place = join(folder, "tokenizer");
  const own = v.parse(
    tokenizerJson,
    JSON.parse(await readFile(join(place, "tokenizer.json"), "utf8")),
  );
  for (const [name, content] of Object.entries(files)) {
    if (content === null) await rm(join(place, name));
    else await writeFile(join(place, name), textOf(name, content, own));
  }
}

function textOf(name: string, content: unknown, own: v.InferOutput<typeof tokenizerJson>): string {
  const { vocab, merges } = own.model;
  if (name === "vocab.json") return JSON.stringify(vocab);
  if (name === "merges.txt") {
    const lines = merges.map((pair) => typeof pair === "string" ? pair : pair.join(" "));
    return ["#version: 0.2", ...lines, ""].join("\n");
  }
  if (name !== "tokenizer.json") return JSON.stringify(content);
  const { added_tokens } = v.parse(v.object({ added_tokens: v.array(v.unknown()) }), content);
  return JSON.stringify({ ...own, added_tokens: [...own.added_tokens, ...added_tokens] });
}

for (const given of layouts) {
  Deno.test(`${given.name}: ids are those of transformers`, () =>
    withPackageCopy(given.family, { change: (folder) => layOut(folder, given) }, async (models) => {
      const { manifest, text: [part] } = await readModelPackage(join(models, "package"));
      const { bos_token_id, eos_token_id, pad_token_id, unk_token_id } = manifest.text;
      const { bos, eos, pad, unk } = given.named;
      assert.deepEqual([bos_token_id, eos_token_id, pad_token_id], [bos, eos, pad]);
      // Where [EOS] stands for it there is no unknown word.
      assert.equal(unk_token_id, unk === eos ? null : unk);
      const { tokenizerJson: json, tokenizerConfig: config } = part;
      const tokenizer = createPromptTokenizer(json, config, {
        ...manifest.text,
        max_length: length,
      });
      for (const [i, text] of texts.entries()) {
        const known = given.ids[i] ?? [];
        const rest = Array.from({ length: length - known.length }, () => known.at(-1));
        assert.deepEqual(tokenizer.tokenize(text).ids, [...known, ...rest], JSON.stringify(text));
      }
    }));
}
