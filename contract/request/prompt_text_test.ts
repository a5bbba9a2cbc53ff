/// <reference lib="deno.ns" />
// Broken here: a character that hides or reorders text passes, or an honest one is changed.
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  isPlainText,
  LIMITS,
  normalizeText,
  parseGenerationRequest,
  refusedCharacter,
} from "../mod.ts";

const REFUSED: readonly (readonly [name: string, text: string])[] = [
  ["a null", "a\u0000b"],
  ["a bell", "a\u0007b"],
  ["an escape", "a\u001b[31mb"],
  ["a C1 control", "a\u0080b"],
  ["a right-to-left override", "a \u202egnp.drib"],
  ["an embedding", "a \u202abird\u202c"],
  ["an isolate", "a \u2066bird\u2069"],
  ["a deprecated format character", "a\u206ab"],
  ["an annotation", "a\ufff9b"],
  ["tags without a flag", "a bird\u{e0061}\u{e0062}\u{e0063}\u{e007f}"],
  ["tags behind another flag", "\u{1f3f3}\u{e0061}\u{e0062}\u{e0063}\u{e007f}"],
  ["a flag with a message", `\u{1f3f4}${"\u{e0061}".repeat(7)}\u{e007f}`],
  ["variation selectors in a row", "a\ufe0f\u{e0101}"],
  ["half a surrogate pair", "a\ud83d"],
];

const KEPT: readonly (readonly [name: string, text: string])[] = [
  ["emoji of several", "\u{1f468}\u200d\u{1f469}\u200d\u{1f467} on a beach, \u2764\ufe0f"],
  ["the flag of Scotland", "\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}"],
  ["Persian with its joiner", "می\u200cخواهم"],
  ["Hindi", "एक नीली चिड़िया"],
  ["Japanese with a glyph chosen", "葛\u{e0100}飾区"],
  ["quotes and markup", `<b>"blue" & 'bird'</b>`],
];

Deno.test("text that hides or reorders itself is refused, wherever a prompt is given", () => {
  for (const [name, text] of REFUSED) {
    assert.equal(isPlainText(text), false, name);
    for (
      const request of [
        { prompt: text },
        { prompt: "x", negative_prompt: text },
        { prompt: "x", eos_swap: { prompt: text } },
      ]
    ) assert.equal(parseGenerationRequest(request).ok, false, name);
  }
});

Deno.test("text of any script and emoji stay as they are", () => {
  for (const [name, text] of KEPT) {
    assert.equal(isPlainText(text), true, name);
    assert.equal(normalizeText(text), text.normalize("NFC"), name);
  }
});

Deno.test("what has no width and no meaning is dropped, and the rest composed", () => {
  const marks = "\u00ad\u034f\u061c\u180e\u200b\u200e\u200f\u2060\u2061\u2064\ufeff";
  const parsed = parseGenerationRequest({ prompt: `${marks}cafe${marks}\u0301 bird${marks}` });
  assert(parsed.ok);
  assert.equal(parsed.value.prompt, "caf\u00e9 bird");
  assert.equal(parseGenerationRequest({ prompt: marks }).ok, false);
});

Deno.test("normalised text is plain, and normalised already", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      fc.pre(isPlainText(text));
      const once = normalizeText(text);
      assert.equal(normalizeText(once), once);
    }),
  );
});

Deno.test("a text that grows beyond the limit when composed is refused", () => {
  // U+1D15E is excluded from composition: NFC makes four code units of two.
  const prompt = "\u{1d15e}".repeat(LIMITS.promptLength / 2);
  assert.equal(parseGenerationRequest({ prompt }).ok, false);
});

Deno.test("line breaks and tabs are spaces, in every text", () => {
  const breaks = ["\n", "\r\n", "\t", "\v\f", "\u0085", "\u2028", "\u2029", "\n\n\t"];
  for (const given of breaks.map((each) => `A blue bird.${each}Flat icon.`)) {
    const parsed = parseGenerationRequest({
      prompt: given,
      negative_prompt: given,
      eos_swap: { prompt: given },
    });
    assert(parsed.ok, JSON.stringify(given));
    const { prompt, negative_prompt, eos_swap } = parsed.value;
    for (const text of [prompt, negative_prompt, eos_swap?.prompt]) {
      assert.equal(text, "A blue bird. Flat icon.");
    }
  }
  assert.equal(parseGenerationRequest({ prompt: "\n\t\u2028" }).ok, false);
});

Deno.test("a refused character is named with its place, and never shown", () => {
  const cases = [
    ["a \u202egnp.drib", "U+202E at character 3"],
    ["\u{1f426}\u{1f426}\u0007", "U+0007 at character 3"],
    ["a \u2066bird\u2069", "U+2066 at character 3"],
    ["a\ud83d", "U+D83D at character 2"],
    ["line\none\u0000", "U+0000 at character 9"],
    ["a\u{e0061}", "U+E0061 at character 2"],
  ] as const;
  for (const [prompt, named] of cases) {
    assert.equal(refusedCharacter(prompt), named);
    const parsed = parseGenerationRequest({ prompt });
    assert(!parsed.ok && parsed.problem.detail.endsWith(`, given ${named}`));
    for (const character of prompt.slice(-1)) {
      assert(!parsed.problem.detail.includes(character) || /[a-z]/.test(character));
    }
  }
  assert.equal(refusedCharacter("a blue bird"), null);
});
