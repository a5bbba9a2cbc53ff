/** Finds the things that a prompt asks for, with attributes: "a red car and a clock" has two. */
import nlp from "compromise";

/** A place in a picture is not a thing that can be seen. */
const PLACES = /^(the )?(top|bottom|side|left|right)$/i;
/** The parser takes these for verbs, but in prompts they describe a surface. */
const SURFACES = ["checkered", "dotted", "knitted", "woven", "striped", "painted"];
const LEXICON = Object.fromEntries(SURFACES.map((word) => [word, "Adjective"]));
const CHUNKS_MAX = 8;

/**
 * Returns noun phrases in order, without final punctuation: at most eight, with T2I-CompBench's
 * exceptions. T2I-CompBench parses with spaCy; this parser may cut long sentences otherwise.
 */
export function nounChunks(text: string): string[] {
  const phrases = nlp(text, LEXICON).nouns().out("array") as string[];
  return phrases.map((phrase) => phrase.replace(/[\s.,;:!?]+$/u, ""))
    .filter((phrase) => phrase !== "" && !PLACES.test(phrase))
    .slice(0, CHUNKS_MAX);
}
