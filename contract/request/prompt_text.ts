/**
 * What a text for a model may hold, character by character. Pure.
 *
 * Characters that show a reader another text than the model sees, or that hide a second text, are
 * refused: control characters, bidirectional embeddings, overrides and isolates, annotations, tag
 * characters outside of a flag, variation selectors in a row, and surrogates without their half.
 * Line breaks and tabs are read as spaces, as a tokeniser reads them and as people who write in lines mean
 * them. Characters that come along with copied text and have no width and no meaning to a tokeniser are
 * dropped. Joiners stay: Persian, the scripts of India and emoji are spelled with them.
 */

/** Tab, the breaks of line, page and paragraph, and NEL. */
const BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;
/** General category `Cc`. */
const CONTROL = /\p{Cc}/u;
/** U+202A .. 202E, 2066 .. 2069 and their deprecated kin, and interlinear annotations. */
const REORDERING = /[\u202a-\u202e\u2066-\u206f\ufff9-\ufffb]/u;
const TAG = /[\u{e0000}-\u{e007f}]/u;
/** A region's flag, such as Scotland's: a black flag, a name of 3 to 6 tags, and an end tag. */
const REGION_FLAG = /\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{3,6}\u{e007f}/gu;
/** One selector chooses a glyph. A second in a row chooses nothing, so it may carry a message. */
const VARIATION_SELECTORS = /[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]{2}/u;
/**
 * Soft hyphen, grapheme joiner, Arabic and plain direction marks, Mongolian separator, zero-width
 * space, word joiner, invisible operators, byte order mark.
 */
const WITHOUT_MEANING = /\u00ad|\u034f|\u061c|\u180e|[\u200b\u200e\u200f\u2060-\u2064\ufeff]/gu;

/** Whether the text holds no refused character. */
export function isPlainText(text: string): boolean {
  return refusedCharacter(text) === null;
}

/** The first character that is refused, as U+XXXX with its place, counted from 1; null where none is. */
export function refusedCharacter(text: string): string | null {
  const spaced = text.replace(BREAKS, " ");
  if (!spaced.isWellFormed()) return firstOf(spaced, LONE_SURROGATE);
  const flagless = spaced.replace(REGION_FLAG, (flag) => " ".repeat(flag.length));
  return firstOf(spaced, CONTROL) ?? firstOf(spaced, REORDERING) ?? firstOf(flagless, TAG) ??
    firstOf(spaced, VARIATION_SELECTORS);
}

const LONE_SURROGATE = /\p{Cs}/u;

function firstOf(text: string, refused: RegExp): string | null {
  const found = refused.exec(text);
  if (!found) return null;
  const point = found[0].codePointAt(0) ?? 0;
  const name = `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
  return `${name} at character ${[...text.slice(0, found.index)].length + 1}`;
}

/**
 * The text as it is tokenised: in one line, without meaningless characters and in NFC, which the tokenisers
 * apply themselves, so that it has one spelling in plans. Idempotent.
 */
export function normalizeText(text: string): string {
  return text.replace(BREAKS, " ").replace(WITHOUT_MEANING, "").normalize("NFC");
}
