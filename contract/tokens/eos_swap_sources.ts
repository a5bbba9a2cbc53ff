/** Which token of prompt B stands in for which token of prompt A when [EOS] is swapped. */
import type { PromptToken } from "./prompt_token.ts";
import { EOS_SWAP_DEFAULTS, type EosSwapOptions } from "../request/eos_swap.ts";

/**
 * Per position of A: the position of B whose text state replaces it, or null where A keeps its own.
 *
 * The paper (section 5.1) swaps "[EOS]", meaning the first one and its padding, but leaves open how
 * prompts of unequal length line up. `ordinal`: the k-th of A takes the k-th of B, and B's last is
 * repeated where B has fewer, so the first [EOS], which carries most (appendix C), meets the first.
 * `absolute`: position p takes position p where B is past its words, and else B's first [EOS].
 * `scope` leaves out positions of A; the others take what they would without it.
 */
export function eosSwapSources(
  a: readonly PromptToken[],
  b: readonly PromptToken[],
  { scope, align }: EosSwapOptions = EOS_SWAP_DEFAULTS,
): (number | null)[] {
  const sources = b.filter(isEosOrPadding).map(({ position }) => position);
  const [first = null] = sources;
  let k = 0;
  return a.map((token, position) => {
    if (!isEosOrPadding(token)) return null;
    const ordinal = sources[Math.min(k++, sources.length - 1)] ?? null;
    const absolute = first !== null && position >= first ? position : first;
    const isInScope = scope === "all" || (scope === "first") === (token.class === "eos");
    if (!isInScope) return null;
    return align === "ordinal" ? ordinal : absolute;
  });
}

function isEosOrPadding({ class: kind }: PromptToken): boolean {
  return kind === "eos" || kind === "padding";
}
