/**
 * What each position of the conditional text states holds: the prompt's own state, one of a second
 * prompt's, or a replacement (paper, appendices E and F). Zeros leave a class out, as in the paper,
 * since exported graphs fix their positions (`docs/adr/0008-a-class-is-zeroed-never-dropped.md`).
 */
import * as v from "valibot";
import { type PromptToken, promptToken } from "./prompt_token.ts";
import { STATE_REPLACEMENTS, type TokenStates } from "../request/token_states.ts";
import { count, type DeepReadonly } from "../wire_schema.ts";

export const plannedToken = v.object({
  ...promptToken.entries,
  /**
   * The second prompt's position whose state is used while [EOS] is swapped; null: its own state.
   */
  swap_source: v.nullable(count),
  /** `own`, or what replaces the state, after any swap, in every step that sees the prompt. */
  state: v.picklist(["own", ...STATE_REPLACEMENTS]),
});

export type PlannedToken = DeepReadonly<v.InferOutput<typeof plannedToken>>;

/** The token table of A: where states come from during the swap, and what replaces them. */
export function planTokens(
  a: readonly PromptToken[],
  swapSources: readonly (number | null)[] | null,
  replacements: TokenStates | null,
): PlannedToken[] {
  return a.map((token, position) => ({
    ...token,
    swap_source: swapSources?.[position] ?? null,
    state: stateOf(token, replacements),
  }));
}

function stateOf(token: PromptToken, replacements: TokenStates | null): PlannedToken["state"] {
  const kind = token.class === "padding" ? "eos" : token.class;
  const state = replacements?.[kind] ?? "own";
  // The first [EOS] in place of itself is no replacement.
  return state === token.class ? "own" : state;
}

/** A state that the encoder computed for one of the prompts. */
export interface EncodedState {
  readonly from: "prompt" | "eos_swap";
  readonly position: number;
}

/** Where one position's text state comes from. */
export type StateSource = EncodedState | { readonly from: "zeros" } | { readonly from: "noise" };

/**
 * The source of each position's state. The swap comes first, so a replacement by the first [EOS]
 * takes the second prompt's where that is swapped in.
 */
export function stateSources(tokens: readonly PlannedToken[], swapped: boolean): StateSource[] {
  const encoded = ({ position, swap_source }: PlannedToken): EncodedState =>
    swapped && swap_source !== null
      ? { from: "eos_swap", position: swap_source }
      : { from: "prompt", position };
  return tokens.map((token) => {
    const { state } = token;
    if (state === "zeros" || state === "noise") return { from: state };
    if (state === "own") return encoded(token);
    return encoded(tokens.find(({ class: kind }) => kind === state) ?? token);
  });
}

/** One short word per position, for content keys. */
export function spellStateSources(sources: readonly StateSource[]): string[] {
  return sources.map((source) =>
    "position" in source ? `${source.from} ${source.position}` : source.from
  );
}
