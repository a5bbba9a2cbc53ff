// Broken here: a tokenizer that transformers would run otherwise is served as if it were a common one.
import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readModelPackage } from "./model_package.ts";

const SD1 = join(import.meta.dirname!, "../../tests/parity/fixtures/sd1");
const TWO_FILES = join(SD1, "variants/vocabulary_files/tokenizer");

type Change = Readonly<Record<string, unknown>>;

async function withTokenizer(
  { config, padding, split = false }: {
    readonly config: Change;
    readonly padding?: object;
    readonly split?: boolean;
  },
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "shapefirst-"));
  const edit = async (name: string, change: Change) => {
    const file = join(folder, "tokenizer", name);
    await writeFile(
      file,
      JSON.stringify({ ...JSON.parse(await readFile(file, "utf8")), ...change }),
    );
  };
  try {
    await cp(join(SD1, "package"), folder, { recursive: true });
    await edit("tokenizer_config.json", config);
    if (padding) await edit("tokenizer.json", { padding });
    if (split) {
      await cp(TWO_FILES, join(folder, "tokenizer"), { recursive: true });
      await rm(join(folder, "tokenizer/tokenizer.json"));
    }
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const LEFT = { pad_token: "!", direction: "Left" };
const REFUSED: readonly [Parameters<typeof withTokenizer>[0], RegExp][] = [
  [{ config: { padding_side: "left" } }, /padding_side must be right, given left$/],
  [{ config: {}, padding: LEFT }, /padding_side must be right, given left$/],
  [{ config: { add_bos_token: false }, split: true }, /add_bos_token must be true, given false$/],
  [{ config: { add_eos_token: false }, split: true }, /add_eos_token must be true, given false$/],
  [
    { config: { fast_tokenizer_files: ["tokenizer.json", "tokenizer.4.0.0.json"] } },
    /fast_tokenizer_files must be absent or tokenizer\.json alone, given tokenizer\.4\.0\.0\.json$/,
  ],
  [{ config: { pad_token: null } }, /pad_token must be present, here or in special_tokens_map/],
  [{ config: { eos_token: null } }, /eos_token must be present, here or in special_tokens_map/],
  [{ config: { added_tokens_decoder: { 5: "word" } } }, /added_tokens_decoder\.5: /],
];

for (const [given, sentence] of REFUSED) {
  Deno.test(`a tokenizer is refused with ${JSON.stringify(given)}`, () =>
    withTokenizer(given, (folder) =>
      assert.rejects(readModelPackage(folder), (error) => {
        assert.ok(error instanceof RangeError);
        assert.match(error.message, /tokenizer\/tokenizer_config\.json: /);
        assert.match(error.message, sentence);
        return true;
      })));
}

const READ: readonly Parameters<typeof withTokenizer>[0][] = [
  { config: { padding_side: "right" }, padding: LEFT },
  // transformers passes over these where there is a tokenizer.json.
  { config: { add_bos_token: false, add_eos_token: false } },
  { config: { add_bos_token: true }, split: true },
  { config: { fast_tokenizer_files: ["tokenizer.json"] } },
  { config: { model_max_length: null, padding_side: null } },
];

for (const given of READ) {
  Deno.test(`a tokenizer is read with ${JSON.stringify(given)}`, () =>
    withTokenizer(given, async (folder) => {
      const { tokenizer } = await readModelPackage(folder);
      assert.deepEqual(tokenizer.tokenize("a bird!").ids.slice(0, 6), [
        672,
        320,
        65,
        655,
        256,
        673,
      ]);
    }));
}
