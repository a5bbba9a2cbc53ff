/** Prompts that the model does not know, or that change with the size of a run, measure nothing. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { readModelPackage } from "../../../gpu-function/packages/model_package.ts";
import { ROOT } from "../../checkout.ts";
import { nounChunks } from "./noun_chunks.ts";
import { loadClassifier } from "../scorers/judge/classifier.ts";
import { promptPairs, unrelatedPrompt } from "./prompt_pair.ts";
import { promptSet, takeFirst } from "./prompt_set.ts";
import { loadVocabulary, vocabularyFile } from "./vocabulary.ts";

const words = {
  nouns: ["car", "grapes", "dog"],
  colours: ["red", "orange"],
  textures: ["striped"],
  without_article: ["grapes"],
};

Deno.test("promptSet() has every combination once, each round with every noun", () => {
  const set = promptSet(words, ["colour"]);
  assert.deepEqual(
    set.map(({ text }) => text).sort(),
    ["a red car", "a red dog", "an orange car", "an orange dog", "orange grapes", "red grapes"],
  );
  for (const round of [set.slice(0, 3), set.slice(3)]) {
    assert.deepEqual(round.map(({ noun }) => noun).sort(), ["car", "dog", "grapes"]);
  }
  assert.deepEqual(promptSet(words, ["colour"]), set);
});

Deno.test("promptSet() alternates kinds until one is used up", () => {
  const kinds = promptSet(words, ["colour", "texture"]).map(({ kind }) => kind);
  const [c, t] = ["colour", "texture"];
  assert.deepEqual(kinds, [c, t, c, t, c, t, c, c, c]);
});

Deno.test("takeFirst() says how many there are", () => {
  assert.deepEqual(takeFirst([1, 2, 3], 2, "prompts"), [1, 2]);
  assert.throws(() => takeFirst([1, 2, 3], 4, "prompts"), {
    name: "RangeError",
    message: "--count must be at most 3, as many prompts as the words allow, given 4",
  });
});

Deno.test("promptPairs() differ in object and attribute, are equally long and use no prompt twice", () => {
  const pairs = promptPairs(promptSet(words, ["colour"]), (text) => text.split(" ").length);
  const texts = pairs.map(({ a, b }) => [a.text, b.text].sort());
  assert.deepEqual(texts.sort(), [["a red car", "an orange dog"], ["a red dog", "an orange car"]]);
});

Deno.test("unrelatedPrompt() shares nothing with either", () => {
  const prompt = (text: string) => {
    const [attribute = "", noun = ""] = text.split(" ");
    return { text, noun, attribute, kind: "colour" as const };
  };
  const pair = { a: prompt("red car"), b: prompt("blue dog") };
  const others = ["red hat", "green dog", "green hat"].map(prompt);
  assert.equal(unrelatedPrompt(pair, others, 0).text, "green hat");
  assert.equal(unrelatedPrompt(pair, [...others, prompt("white bed")], 3).text, "white bed");
  assert.equal(unrelatedPrompt(pair, [prompt("white bed"), ...others], 2).text, "green hat");
  assert.throws(() => unrelatedPrompt(pair, others.slice(0, 2), 0), {
    name: "RangeError",
    message:
      'The words must allow a prompt that shares nothing with "red car" and "blue dog", given none',
  });
});

Deno.test("mini's words are those of its tokeniser and of its judge, and each prompt is one thing", async () => {
  const vocabulary = await loadVocabulary(vocabularyFile("mini"));
  const { tokenizer } = await readModelPackage(join(ROOT, "gpu-function/models/mini"));
  const { labels, release } = await loadClassifier(join(ROOT, "scripts/lab/scorers/mini"));
  await release();
  assert.deepEqual(vocabulary.nouns, labels.objects.slice(1));
  assert.deepEqual(vocabulary.colours, labels.colours.slice(0, -1));
  const set = promptSet(vocabulary, ["colour", "texture"]);
  assert.equal(set.length, 110 * 13);
  const unknown = set.flatMap(({ text }) => tokenizer.tokenize(text).tokens)
    .filter(({ unknown }) => unknown);
  assert.deepEqual(unknown, []);
  for (const { text } of set) assert.deepEqual(nounChunks(text), [text]);
  const pairs = promptPairs(set, (text) => tokenizer.tokenize(text).length);
  assert.ok(pairs.length > 680, `${pairs.length} pairs`);
});

Deno.test("the full-size words are as many as the paper's, and none is both noun and attribute", async () => {
  const { nouns, colours, textures } = await loadVocabulary(vocabularyFile("nobody"));
  assert.deepEqual([nouns, colours, textures].map((list) => new Set(list).size), [230, 33, 23]);
  assert.deepEqual(nouns.filter((noun) => [...colours, ...textures].includes(noun)), []);
});

for (
  const [text, complaint] of [
    ["{", /must be there as JSON/],
    ['{"nouns":[],"colours":["red"],"textures":["dotted"],"without_article":[]}', /: nouns: /],
    ['{"nouns":["a b"],"colours":["red"],"textures":["dotted"],"without_article":[]}', /nouns\.0/],
  ] as const
) {
  Deno.test(`loadVocabulary() refuses ${text} by file and field`, async () => {
    const file = await Deno.makeTempFile({ suffix: ".json" });
    await Deno.writeTextFile(file, text);
    await assert.rejects(
      loadVocabulary(file),
      (error) =>
        error instanceof RangeError && error.message.includes(file) &&
        complaint.test(error.message),
    );
    await Deno.remove(file);
  });
}
