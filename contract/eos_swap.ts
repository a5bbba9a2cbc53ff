/** Which token of prompt B stands in for which token of prompt A when [EOS] is swapped. */
import type { PromptToken } from "./prompt_tokenizer.ts";

/**
 * Per position of A: the position of B whose text state replaces it, or null where A keeps its own.
 *
 * The paper swaps "[EOS]", meaning the first one and its padding, but leaves open how prompts of
 * unequal length line up. Here the k-th of A takes the k-th of B, and B's last is repeated when B has
 * fewer: so the first [EOS], which carries most (paper, appendix C), always meets the first.
 */
export function eosSwapSources(
  a: readonly PromptToken[],
  b: readonly PromptToken[],
): (number | null)[] {
  const sources = b.filter(isEosOrPadding).map(({ position }) => position);
  let k = 0;
  return a.map((token) =>
    isEosOrPadding(token) ? sources[Math.min(k++, sources.length - 1)] ?? null : null
  );
}

function isEosOrPadding({ class: kind }: PromptToken): boolean {
  return kind === "eos" || kind === "padding";
}
