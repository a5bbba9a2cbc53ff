// If this breaks, a blocked word passes in letters that people can read but no table knows.
import assert from "node:assert/strict";
import { type Blocklist, createBlocklist } from "./blocklist.ts";

const PANGRAM = ["quick", "brown", "fox", "jumps", "over", "lazy", "dog"];
const isIn = (list: Blocklist) => (text: string) => list.look(text).verdict === "blocked";
const blocked = createBlocklist(PANGRAM, { leet: false });

/** Lists 26 code points from that of an A or a. */
const from = (first: number) =>
  Array.from({ length: 26 }, (_, i) => String.fromCodePoint(first + i)).join("");

/** Whole alphabets from a to z, as found on pages that decorate text. */
const ALPHABETS: Readonly<Record<string, string>> = {
  "fullwidth": from(0xff41),
  "mathematical bold": from(0x1d41a),
  "mathematical italic": from(0x1d44e).replace("\u{1d455}", "ℎ"),
  "mathematical bold script": from(0x1d4ea),
  "fraktur": from(0x1d51e),
  "double-struck": from(0x1d552),
  "bold fraktur": from(0x1d586),
  "sans-serif": from(0x1d5ba),
  "sans-serif bold italic": from(0x1d656),
  "monospace": from(0x1d68a),
  "circled": from(0x24d0),
  "parenthesised": from(0x249c),
  "squared": from(0x1f130),
  "negative circled": from(0x1f150),
  "negative squared": from(0x1f170),
  "regional indicators": from(0x1f1e6),
  "small capitals": "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡxʏᴢ",
  "superscript": "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖqʳˢᵗᵘᵛʷˣʸᶻ",
  "Greek and Cyrillic": "αвc∂εfgнιנкℓмησρqяѕтυνωxуz",
  "Cyrillic": "аьсԁеғԍһіјкӏмпорԛrѕтuѵѡхуz",
  "Armenian": "ąҍçժҽƒցհìʝҟӀʍղօթզɾʂէմѵաxվz",
  "Cherokee": "ᎪbᏟᎠᎬfᏀᎻᎥᎫᏦᏞᎷᏁoᏢqᏒᏚᎢuᏙᎳxᎩᏃ",
  "Cherokee, decorated": "ᏗᏰፈᎴᏋᎦᎶᏂᎥᏠᏦᏝᎷᏁᎧᎮᎤᏒᏕᏖᏬᏉᏇጀᎩፚ",
  "Canadian syllabics": "ᗩᗷᑕᗪEᖴGᕼIᒍKᒪᗰᑎOᑭᑫᖇᔕTᑌᐯᗯ᙭Yᘔ",
  "hooks and tails": "ąცƈɖɛʄɠɧıʝƙƖɱŋơ℘զཞʂɬųvῳҳყʑ",
  "strokes": "ⱥƀȼđɇfǥħɨɉꝁłmnøᵽꝗɍstʉvwxɏƶ",
  "Lisu": "ꓮꓐꓚꓓꓰꓝꓖꓧꓲꓙꓗꓡꓟꓠꓳꓑqꓣꓢꓔꓴꓦꓪꓫꓬꓜ",
  "currencies": "₳฿₵ĐɆ₣₲ⱧIJ₭Ⱡ₥₦Ø₱QⱤ₴₮ɄV₩ӾɎⱫ",
};

for (const [name, alphabet] of Object.entries(ALPHABETS)) {
  Deno.test(`a word is found in ${name}`, () => {
    const letters = [...alphabet];
    assert.equal(letters.length, 26);
    for (const word of PANGRAM) {
      const spelled = [...word].map((letter) => letters[letter.charCodeAt(0) - 97]).join("");
      assert(isIn(blocked)(`a ${spelled} here`), spelled);
      assert(!isIn(createBlocklist(["zebra"], { leet: false }))(spelled));
    }
  });
}

Deno.test("signs and digits that look like letters are read as such, digits where those may be letters", () => {
  const words = ["f℮ver", "f๐x", "ϲat", "fo᙮", "ⅽat"];
  const entries = ["fever", "fox", "cat"];
  const read = (leet: boolean) => words.map(isIn(createBlocklist(entries, { leet })));
  assert.deepEqual(read(true), [true, true, true, true, true]);
  assert.deepEqual(read(false), [true, false, true, false, true]);
});

Deno.test("flags are flags, one or two in a row, and no words", () => {
  const codes = createBlocklist(["de", "fr", "defr", "usa"], { leet: true });
  assert.equal(isIn(codes)("a boat with 🇩🇪 and 🇫🇷"), false);
  assert.equal(isIn(codes)("🇺🇸🇦"), true);
});

Deno.test("honest words of other scripts are not taken for Latin ones", () => {
  const words = createBlocklist([...PANGRAM, "weasel", "stoat", "ass", "sex"], { leet: true });
  const honest = [
    "быстрая коричневая лиса прыгает через ленивую собаку",
    "η γρήγορη καφέ αλεπού πηδάει πάνω από το τεμπέλικο σκυλί",
    "արագ շագանակագույն աղվեսը ցատկում է ծույլ շան վրայով",
    "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ",
    "rødgrød med fløde, þú ert hér, sözünə əməl et",
    "a ticket for ₩5000 or 2×4 boards at €3",
  ];
  for (const text of honest) assert.equal(isIn(words)(text), false, text);
});
