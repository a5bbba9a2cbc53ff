/**
 * Makes the paper's PromptSet (section 4.1) from its template "a {attribute} {noun}": the paper's
 * own list is unpublished. Pure.
 */
import { type SeededDraws, seededDraws } from "../statistics/seeded_draws.ts";
import type { Vocabulary } from "./vocabulary.ts";

export type AttributeKind = "colour" | "texture";

export interface TemplatePrompt {
  readonly text: string;
  readonly noun: string;
  readonly attribute: string;
  readonly kind: AttributeKind;
}

const PROMPT_SEED = 5330;

/**
 * Returns every prompt that the words allow once, in a fixed order: each round has every noun once.
 * So the first few are a sample, and a smaller experiment has the first prompts of a larger one.
 * @param kinds are alternated until one of two is used up
 */
export function promptSet(
  vocabulary: Vocabulary,
  kinds: readonly AttributeKind[],
): TemplatePrompt[] {
  const sets = kinds.map((kind, i) =>
    promptsOfKind(vocabulary, kind, seededDraws(PROMPT_SEED + i))
  );
  const longest = Math.max(0, ...sets.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => sets.flatMap((set) => set[i] ?? [])).flat();
}

function promptsOfKind(
  { nouns, colours, textures, without_article }: Vocabulary,
  kind: AttributeKind,
  draws: SeededDraws,
): TemplatePrompt[] {
  const attributes = kind === "colour" ? colours : textures;
  const orders = new Map(nouns.map((noun) => [noun, draws.shuffled(attributes)]));
  return attributes.flatMap((_, round) =>
    draws.shuffled(nouns).map((noun) => {
      const attribute = orders.get(noun)![round]!;
      const article = /^[aeiou]/.test(attribute) ? "an" : "a";
      const words = without_article.includes(noun) ? [attribute, noun] : [article, attribute, noun];
      return { text: words.join(" "), noun, attribute, kind };
    })
  );
}

/** @throws RangeError when there are fewer items */
export function takeFirst<T>(items: readonly T[], count: number, what: string): T[] {
  if (count <= items.length) return items.slice(0, count);
  throw new RangeError(
    `--count must be at most ${items.length}, as many ${what} as the words allow, given ${count}`,
  );
}
