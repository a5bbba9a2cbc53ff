/**
 * Folds text to what it looks like, to find words that someone took care to hide: case, accents,
 * widths and styles, look-alike letters and, if asked for, digits for letters.
 */
import { BoundedMap } from "../bounded_map.ts";
import { lookAlikesOf, plainLetter, spellSigns } from "./look_alikes.ts";

export interface FoldedCharacter {
  /** What it may stand for: itself (case and accents folded) or its look-alike first. */
  readonly readings: readonly string[];
  readonly isLetter: boolean;
  readonly isDigit: boolean;
  readonly isSpace: boolean;
  /** The script is written without spaces, so words end anywhere. */
  readonly isUnspaced: boolean;
  /** A word may begin or end here within other letters, since these stood apart. */
  readonly isLoose: boolean;
}

const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Script=Inherited}]/gu;
const LETTER = /[\p{L}\p{M}]/u;
const UNSPACED =
  /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]/u;
/** Matches "n u d e": at least three letters, each alone. */
const APART =
  /(?<![\p{L}\p{N}])[\p{L}\p{N}@$!](?:[^\p{L}\p{N}@$!]{1,3}[\p{L}\p{N}@$!]){2,}(?![\p{L}\p{N}])/gu;

const LEET: Readonly<Record<string, readonly string[]>> = {
  "0": ["o"],
  "1": ["i", "l"],
  "3": ["e"],
  "4": ["a"],
  "5": ["s"],
  "7": ["t"],
  "8": ["b"],
  "9": ["g"],
  "@": ["a"],
  "$": ["s"],
  "!": ["i"],
  "|": ["i", "l"],
  "€": ["e"],
};

/** Removes accents, joiners, widths and styles; vowel signs that are letters of their own stay. */
function stripText(text: string): string {
  // NFKD would turn the lunate sigma, which looks like a c, into an ordinary one.
  const decomposed = text.replace(/[ϲϹ]/g, "c").normalize("NFKD");
  return spellSigns(decomposed.replace(INVISIBLE, "")).normalize("NFC");
}

/**
 * Returns at least how many characters its folding has. Cheap, unlike the folding: one character
 * may stand for 18.
 */
export function foldedLength(text: string): number {
  return text.normalize("NFKD").length;
}

export interface FoldOptions {
  readonly leet: boolean;
}

export function foldText(text: string, { leet }: FoldOptions): FoldedCharacter[] {
  return [...stripText(text)].flatMap((character) => foldCharacter(character, leet, false));
}

/** Joins each sequence of letters that stand apart. */
export function foldLettersApart(text: string, { leet }: FoldOptions): FoldedCharacter[][] {
  return (stripText(text).match(APART) ?? []).map((run) =>
    [...run.replace(/[^\p{L}\p{N}@$!]/gu, "")].flatMap((c) => foldCharacter(c, leet, true))
  );
}

/** Texts have few different characters, and folding one takes a hundred times as long as this. */
const folded = new BoundedMap<string, readonly FoldedCharacter[]>(8_192);

function foldCharacter(
  character: string,
  leet: boolean,
  isLoose: boolean,
): readonly FoldedCharacter[] {
  const key = `${character}${leet ? "l" : ""}${isLoose ? "a" : ""}`;
  const known = folded.get(key);
  if (known) return known;
  const characters = foldAnew(character, leet, isLoose);
  folded.set(key, characters);
  return characters;
}

/** One character may become two: ß is ss. */
function foldAnew(
  character: string,
  leet: boolean,
  isLoose: boolean,
): FoldedCharacter[] {
  const isLetter = LETTER.test(character);
  const rest = {
    isLetter,
    isDigit: /\p{N}/u.test(character),
    isLoose,
    isSpace: /\s/u.test(character),
    isUnspaced: UNSPACED.test(character),
  };
  if (!isLetter) {
    return [{ readings: [character, ...(leet ? signReadings(character) : [])], ...rest }];
  }
  return [...lowerCase(character)].map((letter) => ({ readings: readingsOf(letter), ...rest }));
}

/** Reads a digit of another script, too: ๐ is read as o. */
function signReadings(sign: string): readonly string[] {
  return LEET[sign] ?? [plainLetter(sign) ?? []].flat();
}

/** Goes by way of the capital, so that ß and a sigma at a word's end are like all others. */
function lowerCase(text: string): string {
  return [...text.toUpperCase()].map((letter) => letter.toLowerCase()).join("");
}

/**
 * Reads ASCII literally: reading rn as m, or I as l, would find words that are not there. Other
 * letters are looked up in their small and their capital form, as only the capital Т looks like T.
 */
function readingsOf(letter: string): readonly string[] {
  if (letter < "\u0080") return [letter];
  const similar = [letter, letter.toUpperCase()].flatMap(lookAlikesOf)
    .map((form) => lowerCase(stripText(form)))
    .filter((form) => /^[a-z]+$/.test(form));
  return [...new Set([...similar, letter])];
}
