/** A tokenizer's folder: its files read, and made into the one `tokenizer.json` that the library takes. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import {
  type AddedToken,
  type ResolvedTokens,
  resolveTokens,
  tokensById,
  tokenWithId,
  vocabulary,
} from "./added_tokens.ts";
import { clipTokenizerJson } from "./clip_tokenizer_json.ts";
import type { TextPart } from "./families/model_family.ts";
import { readJson, readOptionalJson, readText } from "./package_json.ts";

const tokenizerConfig = v.looseObject({
  tokenizer_class: v.nullish(v.string()),
  added_tokens_decoder: v.nullish(tokensById),
  model_max_length: v.nullish(v.number(), null),
  padding_side: v.nullish(v.string()),
  add_bos_token: v.nullish(v.boolean()),
  add_eos_token: v.nullish(v.boolean()),
  fast_tokenizer_files: v.nullish(v.array(v.string()), []),
});
const tokenizerJson = v.looseObject({
  added_tokens: v.optional(v.array(tokenWithId), []),
  padding: v.nullish(v.looseObject({ pad_token: v.string(), direction: v.nullish(v.string()) })),
  model: v.looseObject({ vocab: vocabulary }),
});

type TokenizerConfig = v.InferOutput<typeof tokenizerConfig>;
type TokenizerJson = v.InferOutput<typeof tokenizerJson>;

export interface TokenizerFiles {
  /** With all tokens that any of the files adds. */
  readonly json: Omit<TokenizerJson, "added_tokens"> & {
    readonly added_tokens: readonly AddedToken[];
    readonly model: TokenizerJson["model"];
  };
  readonly config: TokenizerConfig;
  /** Names of the files that are read where they are there; others in the folder say nothing. */
  readonly names: readonly string[];
  /** The special tokens by their names. */
  readonly named: ResolvedTokens["named"];
}

/** The file that describes a tokenizer, and must be there. */
export const CONFIG = "tokenizer_config.json";

const JSON_FILE = "tokenizer.json";
const VOCABULARY_FILES = ["vocab.json", "merges.txt"] as const;
/** Put aside by `added_tokens_decoder`, as in transformers. */
const OLDER = { map: "special_tokens_map.json", words: "added_tokens.json" } as const;

/** @throws RangeError naming the file that is missing or wrong */
export async function readTokenizer(
  folder: string,
  { tokenizer, normalizers }: TextPart,
): Promise<TokenizerFiles> {
  const at = (name: string) => `${tokenizer}/${name}`;
  const config = await readJson(folder, at(CONFIG), tokenizerConfig);
  const whole = await readOptionalJson(folder, at(JSON_FILE), tokenizerJson);
  const read = whole ??
    v.parse(tokenizerJson, await joinVocabularyFiles(folder, tokenizer));
  requireCommonForm(join(folder, tokenizer), config, whole);
  const decoder = config.added_tokens_decoder ?? null;
  const { named, added } = resolveTokens({
    folder: join(folder, tokenizer),
    className: await className(folder, tokenizer, config) ?? (whole ? null : "CLIPTokenizer"),
    config,
    decoder,
    map: decoder ? null : await readOptionalJson(folder, at(OLDER.map), dictionary),
    words: decoder ? null : await readOptionalJson(folder, at(OLDER.words), wordIds),
    json: {
      added_tokens: whole?.added_tokens ?? [],
      vocab: read.model.vocab,
      padding: whole?.padding?.pad_token ?? null,
    },
  });
  const json = {
    ...read,
    added_tokens: added,
    // What the pipeline does to a prompt comes before tokens are looked for in it.
    ...(normalizers.length > 0 ? { prompt_normalizers: normalizers } : {}),
  };
  const names = [
    CONFIG,
    ...(whole ? [JSON_FILE] : VOCABULARY_FILES),
    ...(decoder ? [] : Object.values(OLDER)),
  ];
  return { json, config: { ...config, ...named }, names, named };
}

const dictionary = v.record(v.string(), v.unknown());
const wordIds = v.record(v.string(), v.number());

/** The class that diffusers loads the tokenizer with, of which transformers 5 knows one without `Fast`. */
async function className(
  folder: string,
  tokenizer: string,
  { tokenizer_class }: TokenizerConfig,
): Promise<string | null> {
  const index = await readJson(folder, "model_index.json", dictionary);
  const [, name] = v.is(component, index[tokenizer]) ? index[tokenizer] : [];
  return (name ?? tokenizer_class)?.replace(/Fast$/, "") ?? null;
}

const component = v.tuple([v.nullable(v.string()), v.nullable(v.string())]);

/**
 * Prompts are padded on their right here, and have [EOS], and [SOS] if there is one.
 * @throws RangeError for a tokenizer that transformers would run otherwise
 */
function requireCommonForm(
  place: string,
  config: TokenizerConfig,
  json: TokenizerJson | null,
): void {
  const file = join(place, CONFIG);
  const side = config.padding_side ?? json?.padding?.direction?.toLowerCase() ?? "right";
  if (side !== "right") {
    throw new RangeError(`${file}: padding_side must be right, given ${side}`);
  }
  const versioned = config.fast_tokenizer_files?.find((name) => name !== JSON_FILE);
  if (versioned !== undefined) {
    throw new RangeError(
      `${file}: fast_tokenizer_files must be absent or ${JSON_FILE} alone, given ${versioned}`,
    );
  }
  // transformers passes over them where there is a tokenizer.json.
  for (const name of json ? [] : ["add_bos_token", "add_eos_token"] as const) {
    if (config[name] === false) throw new RangeError(`${file}: ${name} must be true, given false`);
  }
}

/** Byte-pair encoding in the two files of CLIP's slow tokenizer. */
async function joinVocabularyFiles(folder: string, tokenizer: string): Promise<object> {
  const file = (name: string) => join(folder, tokenizer, name);
  const [vocabularyFile, mergesFile] = VOCABULARY_FILES;
  if (!existsSync(file(vocabularyFile)) && existsSync(file("spiece.model"))) {
    throw new RangeError(
      `${file(JSON_FILE)} is missing, and spiece.model cannot be read in its place: add the ` +
        "tokenizer.json that transformers' T5TokenizerFast.from_pretrained(…).save_pretrained(…) writes",
    );
  }
  const vocab = await readJson(folder, `${tokenizer}/${vocabularyFile}`, wordIds);
  const merges = await readText(folder, `${tokenizer}/${mergesFile}`);
  if (merges === null) throw new RangeError(`${file(mergesFile)} is missing`);
  return clipTokenizerJson(vocab, merges);
}
