/**
 * Text to token ids and token classes. The paper's classes (section 3): [SOS], semantic tokens, [EOS];
 * [EOS] there means the first one and all the padding behind it, which we keep apart as `padding`.
 */
import { Tokenizer } from "@huggingface/tokenizers";
import type { ModelManifest } from "./model_manifest.ts";

export type TokenClass = "sos" | "semantic" | "eos" | "padding";

export interface PromptToken {
  /** 0 .. max_length - 1 in the encoder's input. */
  readonly position: number;
  readonly id: number;
  readonly token: string;
  readonly class: TokenClass;
  /** The model's vocabulary lacks this word. */
  readonly unknown: boolean;
}

export interface TokenizedPrompt {
  /** Exactly `max_length` ids: [SOS], words, [EOS], padding. Meaningless when `tooLong`. */
  readonly ids: readonly number[];
  readonly tokens: readonly PromptToken[];
  /** Tokens that the text needs, [SOS] and one [EOS] included. */
  readonly length: number;
  readonly tooLong: boolean;
  /** A special token spelled out in the text, which would forge the classes. */
  readonly forbidden: string | null;
}

export interface PromptTokenizer {
  tokenize(text: string): TokenizedPrompt;
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
  const special = [bos_token_id, eos_token_id, pad_token_id]
    .flatMap((id) => tokenizer.get_added_tokens_decoder().get(id)?.content ?? []);
  // The library gives no id for an unknown word when tokenizer_config.json names no `unk_token`.
  const known = (id: number | undefined): number => id ?? unk_token_id ?? pad_token_id;
  const nameOf = (id: number) => tokenizer.id_to_token(id) ?? String(id);

  function classify(words: readonly { id: number; token: string }[]): PromptToken[] {
    const token = (position: number, id: number, name: string, kind: TokenClass) => ({
      position,
      id,
      token: name,
      class: kind,
      unknown: kind === "semantic" && id === unk_token_id,
    });
    const head = [token(0, bos_token_id, nameOf(bos_token_id), "sos")];
    const body = words.map((word, i) => token(i + 1, word.id, word.token, "semantic"));
    const end = token(words.length + 1, eos_token_id, nameOf(eos_token_id), "eos");
    const padding = Array.from(
      { length: Math.max(max_length - words.length - 2, 0) },
      (_, i) => token(words.length + 2 + i, pad_token_id, nameOf(pad_token_id), "padding"),
    );
    return [...head, ...body, end, ...padding];
  }

  return {
    tokenize(text) {
      const { ids, tokens } = tokenizer.encode(text, { add_special_tokens: false });
      const words = ids.map((id, i) => ({ id: known(id), token: tokens[i] ?? nameOf(id) }));
      const length = words.length + 2;
      const classified = classify(words);
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
