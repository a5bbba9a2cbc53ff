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
