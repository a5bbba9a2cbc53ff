// If this breaks, a blocked word passes in a disguise, or an innocent word is blocked.
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Blocklist, createBlocklist, FOLDED_LENGTH_MAX, WORK_MAX } from "./blocklist.ts";

const blocked = createBlocklist(
  ["weasel", "stoat", "ass", "sly fox", "straße", "злой", "裸鼠", "otter*", "69", "ﻗﻂ", "小さい猫"],
  { leet: true },
);

const isIn = (list: Blocklist) => (text: string) => list.look(text).verdict === "blocked";

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
  for (const text of FOUND) assert.equal(isIn(blocked)(text), true, text);
});

Deno.test("words that only contain one, or numbers, are no blocked words", () => {
  for (const text of PASSED) assert.equal(isIn(blocked)(text), false, text);
});

Deno.test("digits stay digits where they are not to be read as letters", () => {
  const plain = createBlocklist(["weasel"], { leet: false });
  assert.deepEqual(["w3a5el", "weasel", "wеаѕеl"].map(isIn(plain)), [false, true, true]);
});

Deno.test("look-alikes in ASCII are taken by their word, so rn is no m and I no l", () => {
  const words = createBlocklist(["barn", "ill"], { leet: true });
  assert.deepEqual(["bam", "iIl", "lIl", "barn"].map(isIn(words)), [false, false, false, true]);
});

Deno.test("without entries nothing is blocked", () => {
  assert.equal(isIn(createBlocklist([], { leet: true }))("weasel"), false);
});

Deno.test("whatever surrounds it, a blocked word between spaces is found; no text is too hard", () => {
  const text = fc.string({ unit: "binary", maxLength: 200 });
  fc.assert(
    fc.property(text, text, (before, after) => {
      fc.pre(before.isWellFormed() && after.isWellFormed());
      assert.equal(isIn(blocked)(`${before} weasel ${after}`), true);
    }),
    { numRuns: 200 },
  );
});

/** Words of some letters, the same on each run. */
function drawnWords(letters: string, length: number, count: number): string[] {
  let state = 1;
  const draw = () => letters[(state = state * 48_271 % 2_147_483_647) % letters.length];
  return Array.from({ length: count }, () => Array.from({ length }, draw).join(""));
}

const LATIN = "abcdefghijklmnopqrstuvwxyz";
const LISTS: Readonly<Record<string, readonly string[]>> = {
  "two hundred words": drawnWords(LATIN, 7, 200),
  "twenty thousand words": drawnWords(LATIN, 7, 20_000),
  "words of i, l and o": drawnWords("ilo", 95, 400),
  "words of one letter": Array.from({ length: 99 }, (_, i) => "i".repeat(i + 1) + "x"),
  "phrases of i and l": drawnWords("il ", 90, 400),
  "beginnings of a and s": drawnWords("as", 95, 400).map((word) => `${word}*`),
};

const filled = (unit: string) => unit.repeat(4_000).slice(0, 4_000);
const [DISTINCT, HONEST] = [
  Array.from({ length: 4_000 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join(""),
  filled("A blue bird on a hill, all in oil; its sail is as small as 1,001 lilies. "),
];

/** Texts of the length that a prompt may have, and whether each can be read in full. */
const TEXTS: readonly (readonly [text: string, isRead: boolean | "by some"])[] = [
  [HONEST, true],
  [filled("작은 파란 새가 노래한다 "), true],
  [filled("Một con chim xanh nhỏ đậu trên đồi, ế ệ ộ ẫ "), true],
  [filled("小さな青い鳥が丘の上で歌う"), true],
  [DISTINCT, true],
  [filled("🐦💙"), true],
  [filled("i l o "), true],
  [filled("|"), "by some"],
  [filled("1!|"), "by some"],
  [filled("|0 "), "by some"],
  [filled("@$"), "by some"],
  [filled("| |-"), "by some"],
  [filled("ﷺ"), false],
  [filled("ﷻ"), false],
  [filled("㌖"), false],
  [filled("ﷺ|"), false],
  [filled("㍿㌖"), false],
];

for (const [name, entries] of Object.entries(LISTS)) {
  Deno.test(`no text takes more work than the bound against ${name}`, () => {
    const list = createBlocklist(entries, { leet: true });
    for (const [text, isRead] of TEXTS) {
      const { verdict, work } = list.look(text);
      // The last character may pass it: as often as the list has places, twice.
      assert(work <= 1.2 * WORK_MAX, `${text.slice(0, 9)}: ${work}`);
      if (isRead === "by some") continue;
      assert.equal(verdict === "unreadable", !isRead, `${text.slice(0, 9)}: ${verdict}, ${work}`);
    }
  });
}

Deno.test("an honest text stays far below the bound, whatever the list", () => {
  for (const entries of Object.values(LISTS)) {
    const { work } = createBlocklist(entries, { leet: true }).look(HONEST);
    assert(work < WORK_MAX / 10, String(work));
  }
});

Deno.test("a text that cannot be read in full is none that passes, and the reason is told", () => {
  const hostile = createBlocklist(LISTS["words of i, l and o"]!, { leet: true });
  assert.equal(hostile.look(filled("|")).verdict, "unreadable");
  assert.equal(blocked.look(filled("|")).verdict, "passes");
  assert.equal(blocked.look("weasel " + filled("ﷺ")).verdict, "unreadable");
  assert.equal(blocked.look("weasel " + "ﷺ".repeat(800)).verdict, "blocked");
  assert.equal(blocked.look("ﷺ".repeat(800)).verdict, "passes");
  assert.equal(blocked.look("a".repeat(FOLDED_LENGTH_MAX)).verdict, "passes");
  assert.equal(blocked.look("a".repeat(FOLDED_LENGTH_MAX + 1)).verdict, "unreadable");
});
