// If this breaks, a blocked word passes in a disguise, or an innocent word is blocked.
import assert from "node:assert/strict";
import fc from "fast-check";
import { createBlocklist } from "./blocklist.ts";

const blocked = createBlocklist(
  ["weasel", "stoat", "ass", "sly fox", "straße", "злой", "裸鼠", "otter*", "69", "ﻗﻂ", "小さい猫"],
  { leet: true },
);

const FOUND: readonly string[] = [
  "weasel",
  "a WEASEL, running",
  "a (weasel)",
  "weasel's tail",
  "wéàsël",
  "we\u0301a\u0300se\u0308l",
  "ｗｅａｓｅｌ",
  "𝔴𝔢𝔞𝔰𝔢𝔩",
  "Ⓦⓔⓐⓢⓔⓛ",
  "wеаѕеl",
  "sтоат",
  "wea\u200bsel",
  "w\u200de\u200da\u200ds\u200de\u200dl",
  "wea\u00adsel",
  "w\ufe0fe\ufe0fasel",
  "wea-sel",
  "w.e.a.s.e.l",
  "w_e_a_s_e_l",
  "a w e a s e l runs",
  "w  e  a  s  e  l",
  "w3a53l",
  "we@$el",
  "a55",
  "sly fox",
  "a sly   fox",
  "sly-fox",
  "a 5ly, f0x",
  "STRASSE",
  "straße",
  "злой кот",
  "зл0й",
  "3лοй".replace("3", "з"),
  "画一只裸鼠在桌上",
  "weasel在桌上",
  "小さい猫がいる",
  "otters at play",
  "69 birds",
  "قط",
];

const PASSED: readonly string[] = [
  "a blue bird",
  "weasels",
  "tweasel",
  "classic glass bass",
  "assassin",
  "as sea",
  "a slyfox",
  "slyest fox",
  "455 birds",
  "A55E7",
  "sly and fox",
  "an otherwise blue lot",
  "690",
  "裸の鼠",
  "wea sel",
  "I saw a seal",
  "",
  "12345 67890",
];

Deno.test("a blocked word is found in whatever spelling looks like it", () => {
  for (const text of FOUND) assert.equal(blocked.isIn(text), true, text);
});

Deno.test("words that only contain one, or numbers, are no blocked words", () => {
  for (const text of PASSED) assert.equal(blocked.isIn(text), false, text);
});

Deno.test("digits stay digits where they are not to be read as letters", () => {
  const plain = createBlocklist(["weasel"], { leet: false });
  assert.deepEqual(["w3a5el", "weasel", "wеаѕеl"].map(plain.isIn), [false, true, true]);
});

Deno.test("look-alikes in ASCII are taken by their word, so rn is no m and I no l", () => {
  const words = createBlocklist(["barn", "ill"], { leet: true });
  assert.deepEqual(["bam", "iIl", "lIl", "barn"].map(words.isIn), [false, false, false, true]);
});

Deno.test("without entries nothing is blocked", () => {
  assert.equal(createBlocklist([], { leet: true }).isIn("weasel"), false);
});

Deno.test("whatever surrounds it, a blocked word between spaces is found; no text is too hard", () => {
  const text = fc.string({ unit: "binary", maxLength: 200 });
  fc.assert(
    fc.property(text, text, (before, after) => {
      fc.pre(before.isWellFormed() && after.isWellFormed());
      assert.equal(blocked.isIn(`${before} weasel ${after}`), true);
    }),
    { numRuns: 200 },
  );
});

Deno.test("a text made to be read in many ways is read once", () => {
  const many = createBlocklist([`${"i".repeat(60)}x`, `${"l".repeat(60)}x`], { leet: true });
  assert.equal(many.isIn("1!|".repeat(1_300)), false);
});
