/** The prompt as the text encoder reads it, a chip for each token, padding folded into one. */
import type { Plan } from "../../../contract/plan/plan.ts";
import type { PromptToken } from "../../../contract/tokens/prompt_token.ts";
import type { PlannedToken } from "../../../contract/tokens/planned_tokens.ts";

export function TokenChips({ plan }: { plan: Plan | null }) {
  const tokens = plan?.tokens.prompt ?? [];
  const swap = plan?.tokens.eos_swap ?? null;
  const words = tokenWords(tokens);
  const unknown = [...new Set(words.filter(({ token }) => token.unknown).map(({ word }) => word))];
  return (
    <div class="tokens">
      <ChipRow words={words} label="Tokens of the prompt" />
      {swap === null
        ? null
        : <ChipRow words={tokenWords(swap)} label="Tokens of the second prompt" lendsEos />}
      {unknown.length === 0 ? null : (
        <p class="hint">
          <strong>{unknown.join(", ")}</strong> {unknown.length === 1 ? "is" : "are"}{" "}
          not in this model's vocabulary.
        </p>
      )}
    </div>
  );
}

/** A token of either prompt. The first prompt's tokens also have their planned states. */
type ChipToken = PromptToken & Partial<Pick<PlannedToken, "state" | "swap_source">>;

interface TokenWord {
  readonly token: ChipToken;
  readonly word: string;
}

interface ChipRowProps {
  readonly words: readonly TokenWord[];
  readonly label: string;
  readonly lendsEos?: boolean;
}

function ChipRow({ words, label, lendsEos = false }: ChipRowProps) {
  const padding = words.map(({ token }) => token).filter((token) => token.class === "padding");
  const [first] = padding;
  return (
    <ul class={`chips${lendsEos ? " lends" : ""}`} aria-label={label}>
      {words.filter(({ token }) => token.class !== "padding").map(({ token, word }) => (
        <li
          key={token.position}
          class={`chip ${token.class}${token.unknown ? " unknown" : ""}`}
          {...(token.unknown ? { title: "not in this model's vocabulary" } : {})}
        >
          {word}
          <Note text={stateNote(token)} />
          {token.class === "eos" && first
            ? (
              <>
                {" "}
                <span class="padding" title={`and ${padding.length} padding tokens`}>
                  +{padding.length}
                  <span class="visually-hidden">padding</span>
                </span>
                <Note text={stateNote(first)} />
              </>
            )
            : null}
        </li>
      ))}
    </ul>
  );
}

function Note({ text }: { text: string | null }) {
  return text === null ? null : (
    <>
      {" "}
      <span class="padding">{text}</span>
    </>
  );
}

const REPLACED = { zeros: "zeros", noise: "noise", sos: "as [SOS]", eos: "as [EOS]" } as const;

/** What conditions the steps in place of the token's own state; null where it is its own. */
export function stateNote({ state = "own", swap_source = null }: ChipToken): string | null {
  if (state !== "own") return REPLACED[state];
  return swap_source === null ? null : "swapped";
}

const SPECIAL = { sos: "[SOS]", eos: "[EOS]", padding: "[EOS]" } as const;

/** Names for the chips, without the marks of word ends (BPE) or word starts (Unigram). */
export function tokenWords(tokens: readonly ChipToken[]): TokenWord[] {
  return tokens.map((token) => ({
    token,
    word: token.class === "semantic"
      ? token.token.replace(/<\/w>$|^▁(?=.)/, "")
      : SPECIAL[token.class],
  }));
}
