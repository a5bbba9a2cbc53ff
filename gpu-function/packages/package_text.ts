/** The text side of a model package: its tokenizer, and what the manifest says of prompts. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import {
  createPromptTokenizer,
  type ModelManifest,
  type PromptTokenizer,
} from "../../contract/mod.ts";
import { clipTokenizerJson } from "./clip_tokenizer_json.ts";
import type { TextPart } from "./families/model_family.ts";
import { readJson, readOptionalJson, readText } from "./package_json.ts";

/** Anywhere in a tokenizer's files a token is its text or an object around it. */
const token = v.union([
  v.string(),
  v.pipe(v.object({ content: v.string() }), v.transform(({ content }) => content)),
]);
const tokenizerConfig = v.looseObject({
  bos_token: v.optional(v.nullable(token), null),
  eos_token: token,
  pad_token: token,
  unk_token: v.optional(v.nullable(token), null),
  model_max_length: v.optional(v.number(), Infinity),
});
/** Unigram lists its pieces in the order of their ids, BPE and WordLevel map them. */
const vocabulary = v.union([
  v.record(v.string(), v.number()),
  v.array(v.looseTuple([v.string()])),
]);
const tokenizerJson = v.looseObject({
  added_tokens: v.optional(v.array(v.looseObject({ id: v.number(), content: v.string() })), []),
  normalizer: v.optional(v.nullable(v.looseObject({})), null),
  model: v.looseObject({ vocab: vocabulary }),
});
const encoderConfig = v.object({
  _class_name: v.optional(v.string()),
  architectures: v.optional(v.array(v.string()), []),
  max_position_embeddings: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

export interface TokenizerFiles {
  readonly json: v.InferOutput<typeof tokenizerJson>;
  readonly config: v.InferOutput<typeof tokenizerConfig>;
}

/** A text encoder's graph with its tokenizer. */
export interface PackageText {
  readonly part: TextPart;
  readonly tokenizerJson: object;
  readonly tokenizerConfig: object;
  readonly tokenizer: PromptTokenizer;
  /** Its positions and special tokens; the first part's are the manifest's. */
  readonly tokens: ModelManifest["text"];
  readonly graph: string;
}

/** @throws RangeError naming the file that is missing or wrong */
export async function readTextPart(folder: string, part: TextPart): Promise<PackageText> {
  const files = await readTokenizer(folder, part);
  return assembleText(folder, part, files, await describeText(folder, files, part));
}

export function assembleText(
  folder: string,
  part: TextPart,
  { json, config }: TokenizerFiles,
  tokens: ModelManifest["text"],
): PackageText {
  return {
    part,
    tokenizerJson: json,
    tokenizerConfig: config,
    tokenizer: createPromptTokenizer(json, config, tokens),
    tokens,
    graph: join(folder, part.encoder, "model.onnx"),
  };
}

/** @throws RangeError naming the file that is missing or wrong */
export async function readTokenizer(
  folder: string,
  { tokenizer, normalizers }: TextPart,
): Promise<TokenizerFiles> {
  const config = await readJson(folder, configOf(tokenizer), tokenizerConfig);
  const json = await readOptionalJson(folder, `${tokenizer}/tokenizer.json`, tokenizerJson) ??
    v.parse(tokenizerJson, await joinVocabularyFiles(folder, tokenizer, config));
  if (normalizers.length === 0) return { config, json };
  const all = [...normalizers, ...(json.normalizer ? [json.normalizer] : [])];
  return { config, json: { ...json, normalizer: { type: "Sequence", normalizers: all } } };
}

function configOf(tokenizer: string): string {
  return `${tokenizer}/tokenizer_config.json`;
}

/** Byte-pair encoding in the two files of CLIP's slow tokenizer. */
async function joinVocabularyFiles(
  folder: string,
  tokenizer: string,
  { bos_token, eos_token, pad_token }: TokenizerFiles["config"],
): Promise<object> {
  const file = (name: string) => join(folder, tokenizer, name);
  if (!existsSync(file("vocab.json")) && existsSync(file("spiece.model"))) {
    throw new RangeError(
      `${
        file("tokenizer.json")
      } is missing, and spiece.model cannot be read in its place: add the ` +
        "tokenizer.json that transformers' T5TokenizerFast.from_pretrained(…).save_pretrained(…) writes",
    );
  }
  const vocab = await readJson(folder, `${tokenizer}/vocab.json`, v.record(v.string(), v.number()));
  const merges = await readText(folder, `${tokenizer}/merges.txt`);
  if (merges === null) throw new RangeError(`${file("merges.txt")} is missing`);
  // The padding too: transformers splits a typed "!" of SD 2.x off its word and gives it the padding's id.
  const special = [bos_token, eos_token, pad_token].filter((content) => content !== null);
  return clipTokenizerJson(vocab, merges, [...new Set(special)]);
}

/**
 * Ids come from the tokenizer: CLIP's own text_encoder/config.json is known to have wrong ones.
 */
export async function describeText(
  folder: string,
  { json, config }: TokenizerFiles,
  { tokenizer, encoder: encoderFolder, maxLength }: TextPart,
): Promise<ModelManifest["text"]> {
  const encoderFile = `${encoderFolder}/config.json`;
  const encoder = await readJson(folder, encoderFile, encoderConfig);
  const { max_position_embeddings: positions } = encoder;
  // Without positions the pipeline sets the length, whatever the tokenizer says of its own.
  const max_length = positions ? Math.min(positions, config.model_max_length) : maxLength;
  if (max_length === null) {
    throw new RangeError(`${join(folder, encoderFile)}: max_position_embeddings must be present`);
  }
  const { bos_token, eos_token, pad_token, unk_token } = config;
  const idOf = (field: string, content: string) =>
    findId(join(folder, configOf(tokenizer)), json, { field, content });
  const eos_token_id = idOf("eos_token", eos_token);
  const unk = unk_token === null ? null : idOf("unk_token", unk_token);
  const architectures = [...encoder.architectures, encoder._class_name ?? ""];
  return {
    max_length,
    bos_token_id: bos_token === null ? null : idOf("bos_token", bos_token),
    eos_token_id,
    pad_token_id: idOf("pad_token", pad_token),
    // Byte-level vocabularies know every word, and name [EOS] here for want of anything else.
    unk_token_id: unk === eos_token_id ? null : unk,
    causal: architectures.some((name) => name.startsWith("CLIPText")),
  };
}

function findId(
  file: string,
  { added_tokens, model: { vocab } }: TokenizerFiles["json"],
  { field, content }: { readonly field: string; readonly content: string },
): number {
  const added = added_tokens.find((token) => token.content === content)?.id;
  const listed = Array.isArray(vocab)
    ? vocab.findIndex(([piece]) => piece === content)
    : vocab[content] ?? -1;
  const id = added ?? listed;
  if (id >= 0) return id;
  throw new RangeError(`${file}: ${field} ${content} is no known token`);
}
