/**
 * What of a text a model reads. Some tokenizers leave out characters that they do not know, and all of them
 * write some texts alike; prompts with the same tokens are the same request, whoever typed which words. So a
 * plan has its prompt as the model reads it, and nobody is shown what somebody else has typed without effect.
 */
import * as v from "valibot";

export interface ReadText {
  /** A text with the same tokens, without what has no effect: one spelling for all texts that are read alike. */
  readonly read: string;
  /** What was left out, in its order: each run of characters once. */
  readonly unread: readonly string[];
}

/** What was left out of the texts of a request; a text that it has not has none. */
export const unreadTexts = v.object({
  prompt: v.array(v.string()),
  negative_prompt: v.array(v.string()),
  eos_swap: v.array(v.string()),
});

export interface TextReading {
  normalize(text: string): string;
  /** Token ids, without special tokens around them. */
  idsOf(text: string): readonly number[];
  /** Stands for words that the vocabulary lacks; null where there is none. */
  readonly unknown: { readonly id: number; readonly name: string } | null;
}

export function createTextReader(
  { normalize, idsOf, unknown }: TextReading,
): (text: string) => ReadText {
  const readable = new Map<string, boolean>();
  const isReadable = (character: string): boolean => {
    const known = readable.get(character) ?? idsOf(character).length > 0;
    // A bound, since clients choose the characters.
    if (readable.size < CHARACTERS_MAX) readable.set(character, known);
    return known;
  };
  const isUnknown = (word: string) => unknown !== null && idsOf(word).includes(unknown.id);

  const nameless = (character: string) => isUnknown(character) ? NAMELESS : character;

  return (text) => {
    const normalized = normalize(text);
    const characters = [...normalized];
    const kept = characters.map((character) => isReadable(character) ? character : " ").join("");
    const words = kept.split(/\s+/).filter((word) => word !== "");
    const named = words.map((word) => isUnknown(word) ? unknown?.name ?? word : word).join(" ");
    const ids = idsOf(text).join();
    const replaced = words.map((word) =>
      [...word].map(nameless).join("").replace(/\ufffd+/g, NAMELESS)
    );
    // A tokenizer that would read one of these otherwise gets the next.
    const read = [named, replaced.join(" "), words.join(" ")]
      .find((candidate) => idsOf(candidate).join() === ids);
    return { read: read ?? normalized, unread: runsOf(characters, isReadable) };
  };
}

const CHARACTERS_MAX = 10_000;
/** Stands for characters that the vocabulary lacks, where a part of a word is unknown. */
const NAMELESS = "\ufffd";

function runsOf(
  characters: readonly string[],
  isReadable: (character: string) => boolean,
): string[] {
  const runs = characters.map((character) =>
    isReadable(character) || /\s/.test(character) ? " " : character
  ).join("").split(/\s+/).filter((run) => run !== "");
  return [...new Set(runs)];
}
