/**
 * Makes pairs of prompts for [EOS] swaps: the paper's S-PromptSet (section 5.1), for template
 * prompts. Pure.
 */
import type { TemplatePrompt } from "./prompt_set.ts";

export interface PromptPair {
  readonly a: TemplatePrompt;
  readonly b: TemplatePrompt;
}

/**
 * Pairs neighbours in the given order that differ in object and attribute and are of equal length,
 * so that every [EOS] has its counterpart. Each prompt comes once, or not at all without a partner.
 * @param lengthOf returns the number of tokens of a text
 */
export function promptPairs(
  prompts: readonly TemplatePrompt[],
  lengthOf: (text: string) => number,
): PromptPair[] {
  const rest = prompts.map((prompt) => ({ prompt, length: lengthOf(prompt.text) }));
  const pairs: PromptPair[] = [];
  for (let first = rest.shift(); first !== undefined; first = rest.shift()) {
    const { prompt: a, length } = first;
    const partner = rest.findIndex((each) => each.length === length && differ(a, each.prompt));
    if (partner < 0) continue;
    const [{ prompt: b } = first] = rest.splice(partner, 1);
    pairs.push({ a, b });
  }
  return pairs;
}

/**
 * Returns the first prompt from `start` on, wrapping around, that shares no object and no attribute
 * with the pair.
 * @throws RangeError when there is none
 */
export function unrelatedPrompt(
  { a, b }: PromptPair,
  prompts: readonly TemplatePrompt[],
  start: number,
): TemplatePrompt {
  for (let i = 0; i < prompts.length; i++) {
    const prompt = prompts[(start + i) % prompts.length]!;
    if (differ(a, prompt) && differ(b, prompt)) return prompt;
  }
  throw new RangeError(
    `The words must allow a prompt that shares nothing with "${a.text}" and "${b.text}", given none`,
  );
}

function differ(a: TemplatePrompt, b: TemplatePrompt): boolean {
  return a.noun !== b.noun && a.attribute !== b.attribute;
}
