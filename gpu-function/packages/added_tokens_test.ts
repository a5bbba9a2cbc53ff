// Broken here: tokens that the encoder learned under another id, or that the library cannot look for, are served.
import assert from "node:assert/strict";
import { resolveTokens, type TokenSources } from "./added_tokens.ts";

const CLIP: TokenSources = {
  folder: "t",
  className: "CLIPTokenizer",
  config: {},
  decoder: null,
  map: null,
  words: null,
  json: {
    added_tokens: [],
    vocab: { a: 0, "!": 1, "<|startoftext|>": 2, "<|endoftext|>": 3 },
    padding: null,
  },
};

const REFUSED: readonly [string, Partial<TokenSources>, RegExp][] = [
  [
    "an id that is not the next free one",
    { words: { "<toy>": 9 } },
    /^RangeError: t\/added_tokens\.json: <toy> must have the id 4, the next free one, given 9$/,
  ],
  [
    "the id of another word",
    { words: { "<toy>": 1 } },
    /^RangeError: t\/added_tokens\.json: <toy> must have the id 4, the next free one, given 1$/,
  ],
  [
    "another id than the vocabulary's",
    { decoder: { 4: { content: "!" } } },
    /^RangeError: t\/tokenizer_config\.json: ! must have the id 1, the vocabulary's, given 4$/,
  ],
  [
    "one id in two files for two words",
    {
      words: { "<toy>": 4 },
      json: { ...CLIP.json, added_tokens: [{ id: 4, content: "<dog>" }] },
    },
    /^RangeError: t\/tokenizer\.json: <dog> must have the id 5, the next free one, given 4$/,
  ],
  [
    "a gap",
    { decoder: { 4: { content: "<toy>" }, 6: { content: "<dog>" } } },
    /^RangeError: t\/tokenizer_config\.json: <dog> must have the id 5, the next free one, given 6$/,
  ],
  [
    "whole words only",
    { decoder: { 4: { content: "<toy>", single_word: true } } },
    /^RangeError: t\/tokenizer_config\.json: <toy> must not be a single_word, which cannot be looked for here$/,
  ],
  [
    "a name for no token",
    { config: { pad_token: 7 } },
    /^RangeError: t\/tokenizer_config\.json: pad_token must be a token or an object .*, given 7$/,
  ],
  [
    "a list of no tokens",
    { map: { additional_special_tokens: [7] } },
    /^RangeError: t\/special_tokens_map\.json: additional_special_tokens must be a token or an object .*, given 7$/,
  ],
];

for (const [name, change, sentence] of REFUSED) {
  Deno.test(`resolveTokens() refuses ${name}`, () => {
    assert.throws(() => resolveTokens({ ...CLIP, ...change }), sentence);
  });
}

const PADDING: readonly [string, Partial<TokenSources>, string | null][] = [
  ["its class where no file says", {}, "<|endoftext|>"],
  ["the configuration before its class", { config: { pad_token: "!" } }, "!"],
  ["no padding where the configuration says so", { config: { pad_token: null } }, null],
  [
    "the map before the configuration",
    { config: { pad_token: "!" }, map: { pad_token: { content: "a" } } },
    "a",
  ],
  [
    "the configuration with a decoder before the map",
    { config: { pad_token: "!" }, decoder: {}, map: { pad_token: "a" } },
    "!",
  ],
  ["nothing for a class of no defaults", { className: "PreTrainedTokenizer" }, null],
  [
    "tokenizer.json's own padding for such a class",
    { className: null, json: { ...CLIP.json, padding: "!" } },
    "!",
  ],
];

for (const [name, change, padding] of PADDING) {
  Deno.test(`resolveTokens() takes the padding from ${name}`, () => {
    assert.equal(resolveTokens({ ...CLIP, ...change }).named.pad_token, padding);
  });
}

Deno.test("resolveTokens() takes a word for itself, not for what objects inherit", () => {
  const { added } = resolveTokens({ ...CLIP, words: { constructor: 4 } });
  assert.equal(added.find(({ content }) => content === "constructor")?.id, 4);
});
