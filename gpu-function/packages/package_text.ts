/** The text side of a model package: its tokenizer, and what the manifest says of prompts. */
import { join } from "node:path";
import * as v from "valibot";
import {
  createPromptTokenizer,
  type ModelManifest,
  type PromptTokenizer,
} from "../../contract/mod.ts";
import type { OnnxGraph } from "../onnx/graph_file/onnx_graph.ts";
import { finder } from "./added_tokens.ts";
import type { TextPart } from "./families/model_family.ts";
import { readConfig } from "./package_json.ts";
import { CONFIG, readTokenizer, type TokenizerFiles } from "./tokenizer_files.ts";

const encoderConfig = v.object({
  _class_name: v.optional(v.string()),
  architectures: v.optional(v.array(v.string()), []),
  max_position_embeddings: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

/** A text encoder's graph with its tokenizer. */
export interface PackageText {
  readonly part: TextPart;
  readonly tokenizerJson: object;
  readonly tokenizerConfig: object;
  /** Names of the tokenizer's files that are read where they are there. */
  readonly tokenizerFiles: readonly string[];
  readonly tokenizer: PromptTokenizer;
  /** Its positions and special tokens; the first part's are the manifest's. */
  readonly tokens: ModelManifest["text"];
  readonly graph: string;
}

/**
 * @param told what the encoder's graph says where it has no config.json; null where it must have one
 * @throws RangeError naming the file that is missing or wrong
 */
export async function readTextPart(
  folder: string,
  part: TextPart,
  told: ((graph: OnnxGraph) => object) | null = null,
): Promise<PackageText> {
  const files = await readTokenizer(folder, part);
  return assembleText(folder, part, files, await describeText(folder, files, part, told));
}

export function assembleText(
  folder: string,
  part: TextPart,
  { json, config, names }: TokenizerFiles,
  tokens: ModelManifest["text"],
): PackageText {
  return {
    part,
    tokenizerJson: json,
    tokenizerConfig: config,
    tokenizerFiles: names,
    tokenizer: createPromptTokenizer(json, config, tokens),
    tokens,
    graph: join(folder, part.encoder, "model.onnx"),
  };
}

/**
 * Ids come from the tokenizer: CLIP's own text_encoder/config.json is known to have wrong ones.
 */
export async function describeText(
  folder: string,
  { json, config, named }: TokenizerFiles,
  { tokenizer, encoder: encoderFolder, maxLength }: TextPart,
  told: ((graph: OnnxGraph) => object) | null,
): Promise<ModelManifest["text"]> {
  const encoder = await readConfig(folder, encoderFolder, encoderConfig, told);
  const { max_position_embeddings: positions } = encoder;
  // Without positions the pipeline sets the length, whatever the tokenizer says of its own.
  const max_length = positions
    ? Math.min(positions, config.model_max_length ?? Infinity)
    : maxLength;
  if (max_length === null) {
    throw new RangeError(
      `${join(folder, encoderFolder, "config.json")}: max_position_embeddings must be present`,
    );
  }
  const find = finder(json.model.vocab);
  const idOf = (field: "bos_token" | "eos_token" | "pad_token" | "unk_token") => {
    const content = named[field];
    if (content === null) return null;
    return json.added_tokens.find((token) => token.content === content)?.id ?? find(content);
  };
  const needed = (field: "eos_token" | "pad_token") => {
    const id = idOf(field);
    if (id !== null) return id;
    const file = join(folder, tokenizer, CONFIG);
    throw new RangeError(`${file}: ${field} must be present, here or in special_tokens_map.json`);
  };
  const eos_token_id = needed("eos_token");
  const unk = idOf("unk_token");
  const architectures = [...encoder.architectures, encoder._class_name ?? ""];
  return {
    max_length,
    bos_token_id: idOf("bos_token"),
    eos_token_id,
    pad_token_id: needed("pad_token"),
    // Byte-level vocabularies know every word, and name [EOS] here for want of anything else.
    unk_token_id: unk === eos_token_id ? null : unk,
    causal: architectures.some((name) => name.startsWith("CLIPText")),
  };
}
