/**
 * Pairs of prompts whose [EOS] are exchanged: the paper's S-PromptSet (section 5.1) for template
 * prompts. Pure.
 */
import type { TemplatePrompt } from "./prompt_set.ts";

export interface PromptPair {
  readonly a: TemplatePrompt;
  readonly b: TemplatePrompt;
}

/**
 * Neighbours in the given order that differ in object and attribute and are of equal length, so that
 * every [EOS] has its counterpart. No prompt comes twice; those without a partner are left out.
 * @param lengthOf tokens of a text
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

/** A prompt that neither asks for nor shares anything with both of the pair: the first that does. */
export function unrelatedPrompt(
  { a, b }: PromptPair,
  prompts: readonly TemplatePrompt[],
): TemplatePrompt | null {
  return prompts.find((prompt) => differ(a, prompt) && differ(b, prompt)) ?? null;
}

function differ(a: TemplatePrompt, b: TemplatePrompt): boolean {
  return a.noun !== b.noun && a.attribute !== b.attribute;
}
