/** Reads the words of template prompts: `prompts/<model>.json`, or the full-size list. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { readJsonFile } from "../json_file.ts";

const words = v.pipe(v.array(v.pipe(v.string(), v.regex(/^[a-z]+$/))), v.minLength(1));
const vocabulary = v.strictObject({
  nouns: words,
  colours: words,
  textures: words,
  /** Nouns without "a": plurals and uncountable ones. */
  without_article: v.array(v.string()),
});

export type Vocabulary = Readonly<v.InferOutput<typeof vocabulary>>;

/** Returns a model's own list of words where there is one, else the full-size list. */
export function vocabularyFile(model: string): string {
  const own = join(import.meta.dirname!, `${model}.json`);
  return existsSync(own) ? own : join(import.meta.dirname!, "full_size.json");
}

/** @throws RangeError naming the file and what is wrong with it */
export async function loadVocabulary(file: string): Promise<Vocabulary> {
  return await readJsonFile(
    file,
    vocabulary,
    "must be there as JSON with nouns, colours and textures",
  );
}
