/** Turns text into token ids and token classes. */
import { Tokenizer } from "@huggingface/tokenizers";
import type { ModelManifest } from "../model_manifest.ts";
import type { PromptToken, TokenClass } from "./prompt_token.ts";

export interface TokenizedPrompt {
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
  /**
   * @param repeats how often the words are repeated, 1 by default, cut to leave space for [EOS].
   *   `length` and `tooLong` are those of the text itself.
   */
  tokenize(text: string, repeats?: number): TokenizedPrompt;
}

/**
 * @param tokenizerJson the package's `tokenizer.json`
 * @param tokenizerConfig its `tokenizer_config.json`
 */
export function createPromptTokenizer(
  tokenizerJson: object,
  tokenizerConfig: object,
  { max_length, bos_token_id, eos_token_id, pad_token_id, unk_token_id }: ModelManifest["text"],
): PromptTokenizer {
  const tokenizer = new Tokenizer(tokenizerJson, tokenizerConfig);
  const sos = bos_token_id === null ? [] : [bos_token_id];
  const special = [...sos, eos_token_id]
    .flatMap((id) => tokenizer.get_added_tokens_decoder().get(id)?.content ?? []);
  // The library gives no id for an unknown word when tokenizer_config.json names no `unk_token`.
  const known = (id: number | undefined): number => id ?? unk_token_id ?? pad_token_id;
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
    tokenize(text, repeats = 1) {
      const { ids, tokens } = tokenizer.encode(text, { add_special_tokens: false });
      const words = ids.map((id, i) => ({ id: known(id), token: tokens[i] ?? nameOf(id) }));
      const length = sos.length + words.length + 1;
      const room = max_length - sos.length - 1;
      const repeated = Array.from({ length: repeats }, () => words).flat().slice(0, room);
      const classified = classify(repeats === 1 ? words : repeated);
      return {
        ids: classified.map(({ id }) => id),
        tokens: classified,
        length,
        tooLong: length > max_length,
        forbidden: special.find((content) => text.includes(content)) ?? null,
      };
    },
  };
}
