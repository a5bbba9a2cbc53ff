/** Turns text into token ids and token classes. */
import { SequenceNormalizer, Tokenizer } from "@huggingface/tokenizers";
import * as v from "valibot";
import type { ModelManifest } from "../model_manifest.ts";
import type { PromptToken, TokenClass } from "./prompt_token.ts";
import { createTextReader, type ReadText } from "./read_text.ts";

export interface TokenizedPrompt extends ReadText {
  /** `max_length` ids: [SOS] if there is one, words, [EOS], padding. Meaningless when `tooLong`. */
  readonly ids: readonly number[];
  readonly tokens: readonly PromptToken[];
  /** Tokens that the text needs, [SOS] if there is one and one [EOS] included. */
  readonly length: number;
  readonly tooLong: boolean;
  /**
   * [SOS] or [EOS] spelled out in the text, where the encoder would begin or end a second time. A
   * typed padding token is allowed: it is a word to the encoder, and in SD 2.x it is "!".
   */
  readonly forbidden: string | null;
}

export interface TokenizedPrompts {
  readonly prompt: TokenizedPrompt;
  readonly negative_prompt: TokenizedPrompt;
  readonly eos_swap: TokenizedPrompt | null;
}

export interface PromptTokenizer {
  /** The vocabulary's own name for a word that it lacks; its number where it has none. */
  readonly unknownName: string;
  /**
   * @param repeats how often the words are repeated, 1 by default, cut to leave space for [EOS].
   *   `length` and `tooLong` are those of the text itself.
   */
  tokenize(text: string, repeats?: number): TokenizedPrompt;
}

/** What a family's pipeline may do to a prompt before its tokens are looked for. */
const promptNormalizers = v.array(v.variant("type", [
  v.object({ type: v.literal("Lowercase") }),
  v.object({ type: v.literal("Strip"), strip_left: v.boolean(), strip_right: v.boolean() }),
]));
export type PromptNormalizers = v.InferOutput<typeof promptNormalizers>;

const ownFields = v.object({ prompt_normalizers: v.optional(promptNormalizers, []) });

/**
 * @param tokenizerJson the package's `tokenizer.json`, and `prompt_normalizers` where its family has some
 * @param tokenizerConfig its `tokenizer_config.json`
 */
export function createPromptTokenizer(
  tokenizerJson: object,
  tokenizerConfig: object,
  { max_length, bos_token_id, eos_token_id, pad_token_id, unk_token_id }: ModelManifest["text"],
): PromptTokenizer {
  const tokenizer = new Tokenizer(tokenizerJson, tokenizerConfig);
  const sos = bos_token_id === null ? [] : [bos_token_id];
  const { prompt_normalizers } = v.parse(ownFields, tokenizerJson);
  const pipeline = new SequenceNormalizer({ type: "Sequence", normalizers: prompt_normalizers });
  const normalize = (text: string) => tokenizer.normalizer?.normalize(text) ?? text;
  const special = [...sos, eos_token_id]
    .flatMap((id) => tokenizer.get_added_tokens_decoder().get(id) ?? []);
  const spells = (text: string, { content, normalized }: (typeof special)[number]) =>
    text.includes(content) || normalized && normalize(text).includes(normalize(content));
  // The library gives no id for an unknown word when tokenizer_config.json names no `unk_token`.
  const known = (id: number | undefined): number => id ?? unk_token_id ?? pad_token_id;
  const encode = (text: string) => tokenizer.encode(text, { add_special_tokens: false });
  const idsOf = (text: string) => encode(text).ids.map(known);
  const readText = createTextReader({
    normalize,
    idsOf: (text) => idsOf(pipeline.normalize(text)),
    unknown: unk_token_id === null ? null : {
      id: unk_token_id,
      name: tokenizer.id_to_token(unk_token_id) ?? "",
    },
  });
  const nameOf = (id: number) => tokenizer.id_to_token(id) ?? String(id);

  function classify(words: readonly { id: number; token: string }[]): PromptToken[] {
    const token = (position: number, id: number, name: string, kind: TokenClass): PromptToken => ({
      position,
      id,
      token: name,
      class: kind,
      unknown: kind === "semantic" && id === unk_token_id,
    });
    const head = sos.map((id) => token(0, id, nameOf(id), "sos"));
    const body = words.map((word, i) => token(sos.length + i, word.id, word.token, "semantic"));
    const last = sos.length + words.length;
    const end = token(last, eos_token_id, nameOf(eos_token_id), "eos");
    const padding = Array.from(
      { length: Math.max(max_length - last - 1, 0) },
      (_, i) => token(last + 1 + i, pad_token_id, nameOf(pad_token_id), "padding"),
    );
    return [...head, ...body, end, ...padding];
  }

  return {
    unknownName: unk_token_id === null ? "" : nameOf(unk_token_id),
    tokenize(given, repeats = 1) {
      const text = pipeline.normalize(given);
      const { ids, tokens } = encode(text);
      const words = ids.map((id, i) => ({ id: known(id), token: tokens[i] ?? nameOf(id) }));
      const length = sos.length + words.length + 1;
      const room = max_length - sos.length - 1;
      const repeated = Array.from({ length: repeats }, () => words).flat().slice(0, room);
      const classified = classify(repeats === 1 ? words : repeated);
      return {
        ...readText(text),
        ids: classified.map(({ id }) => id),
        tokens: classified,
        length,
        tooLong: length > max_length,
        forbidden: special.find((token) => spells(text, token))?.content ?? null,
      };
    },
  };
}
