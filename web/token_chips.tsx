/** The prompt as the text encoder reads it, a chip for each token, padding folded into one. */
import type { PromptToken } from "../contract/prompt_tokenizer.ts";
import type { Plan } from "../contract/plan.ts";

export function TokenChips({ plan }: { plan: Plan | null }) {
  const tokens = plan?.tokens.prompt ?? [];
  const swap = plan?.tokens.eos_swap ?? null;
  const words = tokenWords(tokens);
  const unknown = [...new Set(words.filter(({ token }) => token.unknown).map(({ word }) => word))];
  return (
    <div class="tokens">
      <ChipRow words={words} label="Tokens of the prompt" swapped={swap !== null} />
      {swap === null ? null : (
        <ChipRow
          words={tokenWords(swap)}
          label="Tokens of the second prompt"
          swapped={false}
          lendsEos
        />
      )}
      {unknown.length === 0 ? null : (
        <p class="hint">
          <strong>{unknown.join(", ")}</strong> {unknown.length === 1 ? "is" : "are"}{" "}
          not in this model's vocabulary.
        </p>
      )}
    </div>
  );
}

interface TokenWord {
  readonly token: PromptToken;
  readonly word: string;
}

interface ChipRowProps {
  readonly words: readonly TokenWord[];
  readonly label: string;
  readonly swapped: boolean;
  readonly lendsEos?: boolean;
}

function ChipRow({ words, label, swapped, lendsEos = false }: ChipRowProps) {
  const padding = words.filter(({ token }) => token.class === "padding").length;
  return (
    <ul class={`chips${lendsEos ? " lends" : ""}`} aria-label={label}>
      {words.filter(({ token }) => token.class !== "padding").map(({ token, word }) => (
        <li
          key={token.position}
          class={`chip ${token.class}${token.unknown ? " unknown" : ""}`}
          {...(token.unknown ? { title: "not in this model's vocabulary" } : {})}
        >
          {word}
          {token.class === "eos" && padding > 0
            ? (
              <span class="padding" title={`and ${padding} padding tokens`}>
                +{padding}
                <span class="visually-hidden">padding</span>
              </span>
            )
            : null}
          {token.class === "eos" && swapped ? <span class="padding">swapped</span> : null}
        </li>
      ))}
    </ul>
  );
}

const SPECIAL = { sos: "[SOS]", eos: "[EOS]", padding: "[EOS]" } as const;

/** Names for the chips, without the marks of where words end (BPE) or begin (Unigram). */
export function tokenWords(tokens: readonly PromptToken[]): TokenWord[] {
  return tokens.map((token) => ({
    token,
    word: token.class === "semantic"
      ? token.token.replace(/<\/w>$|^▁(?=.)/, "")
      : SPECIAL[token.class],
  }));
}
