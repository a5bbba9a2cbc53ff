/**
 * Lists what a letter can be taken for, by Unicode's confusables (UTS 39) and what they leave open.
 * UTS 39 lists identifiers that can be mistaken for each other; a prompt only has to be readable,
 * so more letters can hide a word.
 */
// Only its table, of Unicode 13, is used: its function tries 6,311 patterns at each character.
import confusables from "unhomoglyph/data.json" with { type: "json" };

/**
 * Look-alikes by Latin letter. First come Latin ones whose Unicode name says "letter X", small,
 * turned or with something added, and for which UTS 39 has no X; then letters of other scripts from
 * decorated alphabets.
 */
const OURS: Readonly<Record<string, string>> = {
  a: "ɐᴀᶏⱥꬱᗩᏗ₳ɒ",
  b: "ʙᴃᵬᶀꞗᗷᏰ฿ც",
  c: "ƈɕʗↄꜿꞓꞔᑕፈ₵",
  d: "ȡᴅᵭᶁᶑꝺꟈᗪᎴժ∂",
  e: "ǝɘɛɜɝɞʚᴇᴈᶒᶓᶔⱸⱻꬳꬴᏋəәҽ",
  f: "ᶂꜰꝼꟻᖴᎦ₣ғʄ",
  g: "ɢʛᵷᵹꝿꞡꟑꬶᎶ₲ց",
  h: "ɥʜʮʯꞕᕼᏂɧհի",
  i: "ᴉᶖꟷꟾᎥꓲ",
  j: "ȷɟʄᴊᒍᏠנյ",
  k: "ʞᴋᶄꝃꝅꞣᏦ₭ҟҡҝĸ",
  l: "ȴɬʟᴌᶅⱡꝉꞁꞎꬷꬸꬹᒪᏝ",
  m: "ɰᴍᴟᶆꟺꟽꬺᗰᎷ₥ɱʍ",
  n: "ȵɴᴎᶇꞑꞥꬻᑎᏁ₦ղŋпπ",
  o: "ɔᴐᴒᴓᶗⱺꝍꬿꭃꭄᎧ",
  p: "ᴘᵱᶈꝑꝓꝕꟼᑭᎮ₱թքƿþ℘ҏ",
  q: "ɋꝗꝙꞯᑫᎤզ",
  r: "ɹɺɻɾɿʁᴙᴚᵳᶉⱹꝛꞃꞧꭆꭉꭋꭌꭨᖇᏒཞяր",
  s: "ȿᶊẜꞅꞩꟊᔕᏕ₴ƨꙅ",
  t: "ƫȶʇᴛꞇᏖ₮էեɬ",
  u: "ᴝᶙꞹꭏᑌᏬմʊꓴ",
  v: "ʌⱱⱴꝟᐯᏉ",
  w: "ʍⱳᗯᏇ₩աωш",
  x: "ᶍꭖꭗꭘꭙ᙭ጀ×ӿ",
  y: "ʎᎩվ",
  z: "ɀʑᶎⱬᘔፚ",
};

const CONFUSABLES: ReadonlyMap<string, string> = new Map(Object.entries(confusables));
const LETTERS: ReadonlyMap<string, readonly string[]> = lettersByLookAlike();

function lettersByLookAlike(): Map<string, string[]> {
  const letters = new Map<string, string[]>();
  for (const [letter, similar] of Object.entries(OURS)) {
    for (const one of similar) letters.set(one, [...letters.get(one) ?? [], letter]);
  }
  return letters;
}

/**
 * Returns the letter itself first where no table has it. UTS 39 may lead to a small capital, and
 * that to a letter.
 */
export function lookAlikesOf(letter: string): readonly string[] {
  const similar = CONFUSABLES.get(letter) ?? letter;
  return [similar, ...LETTERS.get(similar) ?? [], ...LETTERS.get(letter) ?? []];
}

const SIGNS = /\p{S}/gu;
const FLAG_LETTERS = /[\u{1f1e6}-\u{1f1ff}]{3,}/gu;
const A = "a".charCodeAt(0);

/**
 * Replaces signs with the letters that they look like: ₳, ℮, and black circles and squares, which
 * NFKD leaves alone.
 */
export function spellSigns(text: string): string {
  const spelled = text.replace(
    SIGNS,
    (sign) => enclosedLetter(sign) ?? LETTERS.get(sign)?.[0] ?? plainLetter(sign) ?? sign,
  );
  // Two of them are a flag.
  return spelled.replace(
    FLAG_LETTERS,
    (run) => [...run].map((one) => letterFrom(one, 0x1f1e6)).join(""),
  );
}

/** Returns the letter from a to z that Unicode takes a sign or digit for; null without one. */
export function plainLetter(sign: string): string | null {
  const letter = sign < "\u0080" ? "" : CONFUSABLES.get(sign)?.toLowerCase() ?? "";
  return /^[a-z]$/.test(letter) ? letter : null;
}

function enclosedLetter(sign: string): string | null {
  return [0x1f150, 0x1f170].map((first) => letterFrom(sign, first)).find((one) => one !== "") ??
    null;
}

/**
 * @param first the code point of its A; returns an empty text where the sign is not one of the 26
 */
function letterFrom(sign: string, first: number): string {
  const place = (sign.codePointAt(0) ?? 0) - first;
  return place >= 0 && place < 26 ? String.fromCharCode(A + place) : "";
}
