// Broken here: classes shift where the padding id is a word or the encoder has no [SOS].
/// <reference lib="deno.ns" />
import assert from "node:assert/strict";
import { MANIFEST, TOKENIZER_JSON } from "../fixtures/planning_model.ts";
import { createPromptTokenizer, type ModelManifest } from "../mod.ts";

const BLUE = 4;

/** Token and class of each position. */
function classesOf(prompt: string, text: Partial<ModelManifest["text"]>) {
  const tokenizer = createPromptTokenizer(TOKENIZER_JSON, {}, { ...MANIFEST.text, ...text });
  const { tokens, ids } = tokenizer.tokenize(prompt);
  assert.deepEqual(tokens.map(({ id }) => id), ids);
  assert.deepEqual(tokens.map(({ position }) => position), tokens.map((_, i) => i));
  return tokens.map((token) => `${token.token} ${token.class}`);
}

Deno.test("a padding token that is also a word is a word where it was typed", () => {
  assert.deepEqual(classesOf("a blue bird", { pad_token_id: BLUE, max_length: 7 }), [
    "<|start|> sos",
    "a semantic",
    "blue semantic",
    "bird semantic",
    "<|end|> eos",
    "blue padding",
    "blue padding",
  ]);
});

Deno.test("an encoder without [SOS] begins with the words", () => {
  assert.deepEqual(classesOf("a bird", { bos_token_id: null, max_length: 4 }), [
    "a semantic",
    "bird semantic",
    "<|end|> eos",
    "<|end|> padding",
  ]);
  assert.deepEqual(classesOf("", { bos_token_id: null, max_length: 2 }), [
    "<|end|> eos",
    "<|end|> padding",
  ]);
});

Deno.test("without [SOS] one word more fits", () => {
  const text = { ...MANIFEST.text, bos_token_id: null, max_length: 4 };
  const tokenizer = createPromptTokenizer(TOKENIZER_JSON, {}, text);
  const { length, tooLong, ids } = tokenizer.tokenize("a blue bird");
  assert.deepEqual([length, tooLong, ids.length], [4, false, 4]);
  assert.equal(tokenizer.tokenize("a blue bird a").tooLong, true);
});

Deno.test("a typed [SOS] or [EOS] is forbidden, a typed padding token is a word", () => {
  const special = (id: number, content: string) => ({
    ...TOKENIZER_JSON.added_tokens[0],
    id,
    content,
  });
  const json = {
    ...TOKENIZER_JSON,
    added_tokens: [...TOKENIZER_JSON.added_tokens, special(BLUE, "blue")],
  };
  const tokenizer = createPromptTokenizer(json, {}, { ...MANIFEST.text, pad_token_id: BLUE });
  assert.equal(tokenizer.tokenize("a blue bird").forbidden, null);
  assert.equal(tokenizer.tokenize("a <|end|>").forbidden, "<|end|>");
  assert.equal(tokenizer.tokenize("<|start|> a").forbidden, "<|start|>");
});

/** [EOS] as files list it, what the family's pipeline does first, what was typed, what is refused. */
const SPELLED: readonly [
  normalized: boolean,
  prompt_normalizers: readonly object[],
  typed: string,
  forbidden: string | null,
][] = [
  [false, [], "a <|end|> bird", "<|end|>"],
  [false, [], "a <|END|> bird", null],
  [true, [], "a <|END|> bird", "<|end|>"],
  [true, [], "a <|End|>bird", "<|end|>"],
  [false, [{ type: "Lowercase" }], "a <|END|> bird", "<|end|>"],
  [true, [{ type: "Lowercase" }], "a < |END|> bird", null],
  [false, [{ type: "Strip", strip_left: true, strip_right: true }], " <|end|> ", "<|end|>"],
];

for (const [normalized, prompt_normalizers, typed, forbidden] of SPELLED) {
  const how = `${normalized ? "normalized" : "as it is"}, after ${prompt_normalizers.length} steps`;
  Deno.test(`[EOS], ${how}, typed as ${typed}: ${forbidden ?? "words"}`, () => {
    const [sos, eos, unk] = TOKENIZER_JSON.added_tokens;
    const added_tokens = [sos, { ...eos, normalized }, unk];
    const json = { ...TOKENIZER_JSON, added_tokens, prompt_normalizers };
    const prompt = createPromptTokenizer(json, {}, MANIFEST.text).tokenize(typed);
    assert.equal(prompt.forbidden, forbidden);
    // What is not refused has its one [EOS] where the words end.
    const ends = prompt.tokens.filter(({ id, class: kind }) => id === 1 && kind !== "padding");
    assert.equal(ends.length, forbidden === null ? 1 : 2);
  });
}

/**
 * A capital sigma at the end of a word becomes the letter that Python and JavaScript make of it, with which
 * CLIP and T5 prompts were lowered when the weights were trained. transformers 5 has the other letter.
 */
const SIGMAS: readonly [typed: string, lowered: string][] = [
  ["ΟΔΟΣ", "οδος"],
  ["ΟΔΟΣ ΟΔΟΣ.", "οδος οδος."],
  ["ΣΑΣ", "σας"],
  ["Σ", "σ"],
  ["ΟΔΟΣΣ", "οδοσς"],
  ["A ΣΑΣ!", "a σας!"],
];

for (const [typed, lowered] of SIGMAS) {
  Deno.test(`${typed} is read as ${lowered}`, () => {
    // Every letter is a word here.
    const letters = Object.fromEntries([...lowered].map((letter, i) => [letter, 3 + i]));
    const { vocab } = TOKENIZER_JSON.model;
    const json = {
      ...TOKENIZER_JSON,
      pre_tokenizer: { ...TOKENIZER_JSON.pre_tokenizer, pattern: { Regex: "\\S" } },
      model: { ...TOKENIZER_JSON.model, vocab: { ...vocab, ...letters } },
    };
    const text = { ...MANIFEST.text, max_length: 16 };
    const { tokens } = createPromptTokenizer(json, {}, text).tokenize(typed);
    const words = tokens.filter((token) => token.class === "semantic").map(({ token }) => token);
    assert.deepEqual(words.join(""), lowered.replaceAll(" ", ""));
  });
}
