/** Turns texts into token ids by the `tokenizer.json` beside a scorer's graphs. */
import { Tokenizer } from "@huggingface/tokenizers";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import type { Feed } from "../../../../gpu-function/onnx/graph.ts";

const namedToken = v.union([
  v.string(),
  v.pipe(v.object({ content: v.string() }), v.transform(({ content }) => content)),
]);
const configJson = v.looseObject({
  pad_token: v.optional(v.nullable(namedToken)),
  model_max_length: v.optional(v.pipe(v.number(), v.minValue(1)), 77),
});

export interface TextIds {
  /** Returns ids and mask [texts, length], special tokens included; null pads to the longest. */
  feeds(texts: readonly string[], length: number | null): {
    readonly input_ids: Feed;
    readonly attention_mask: Feed;
  };
  /** @throws RangeError unless the word is one token */
  idOf(word: string): number;
}

/** @throws RangeError naming the file that is missing or does not fit */
export async function loadTextIds(folder: string): Promise<TextIds> {
  const config = await readJson(join(folder, "tokenizer_config.json"));
  const tokenizer = new Tokenizer(await readJson(join(folder, "tokenizer.json")), config);
  const { pad_token, model_max_length } = v.parse(configJson, config);
  const padId = tokenizer.token_to_id(pad_token ?? "") ?? 0;
  return {
    feeds(texts, length) {
      const rows = texts.map((text) => cut(tokenizer.encode(text).ids, length ?? model_max_length));
      const width = length ?? Math.max(0, ...rows.map((ids) => ids.length));
      const pad = (ids: readonly number[], value: number) => [
        ...ids,
        ...Array.from({ length: width - ids.length }, () => value),
      ];
      const shape = [rows.length, width];
      return {
        input_ids: { data: rows.flatMap((ids) => pad(ids, padId)), shape },
        attention_mask: { data: rows.flatMap((ids) => pad(ids.map(() => 1), 0)), shape },
      };
    },
    idOf(word) {
      const { ids } = tokenizer.encode(word, { add_special_tokens: false });
      if (ids.length === 1) return ids[0]!;
      throw new RangeError(
        `${folder}/tokenizer.json must know "${word}" as one token, given ${ids.length}`,
      );
    },
  };
}

/** Keeps the last id, which ends the text. */
function cut(ids: readonly number[], length: number): readonly number[] {
  return ids.length <= length ? ids : [...ids.slice(0, length - 1), ids.at(-1)!];
}

async function readJson(file: string): Promise<Record<string, unknown>> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
  } catch (cause) {
    throw new RangeError(`${file} must be there as JSON`, { cause });
  }
}
