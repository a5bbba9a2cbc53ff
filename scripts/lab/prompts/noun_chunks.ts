/** The things that a prompt asks for, each with its attributes: "a red car and a clock" has two. */
import nlp from "compromise";

/** Places in a picture, which nobody can be asked to see. */
const PLACES = /^(the )?(top|bottom|side|left|right)$/i;
/** What the parser takes for verbs, which in prompts describe a surface. */
const SURFACES = ["checkered", "dotted", "knitted", "woven", "striped", "painted"];
const LEXICON = Object.fromEntries(SURFACES.map((word) => [word, "Adjective"]));
const CHUNKS_MAX = 8;

/**
 * Noun phrases in their order, without final punctuation: at most eight, as T2I-CompBench asks about,
 * with its exceptions. It parses by spaCy; a parser of another kind may cut long sentences otherwise.
 */
export function nounChunks(text: string): string[] {
  const phrases = nlp(text, LEXICON).nouns().out("array") as string[];
  return phrases.map((phrase) => phrase.replace(/[\s.,;:!?]+$/u, ""))
    .filter((phrase) => phrase !== "" && !PLACES.test(phrase))
    .slice(0, CHUNKS_MAX);
}
