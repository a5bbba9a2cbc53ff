/** Finds words and phrases that must not be drawn, in any spelling that reads like them. */
import {
  type FoldedCharacter,
  foldLettersApart,
  type FoldOptions,
  foldText,
} from "./folded_text.ts";

export interface Blocklist {
  readonly size: number;
  /** Returns whether any of its entries stands in the text, as words of their own. */
  isIn(text: string): boolean;
}

interface TrieNode {
  readonly index: number;
  readonly next: Map<string, TrieNode>;
  /** The character that leads here; a space stands for what separates two words of a phrase. */
  readonly character: string;
  /** An entry ends here: at the end of a word, or (`*`) anywhere. */
  ends: "word" | "anywhere" | null;
}

/**
 * @param entries words or phrases; one that ends in `*` is also found at the beginning of longer
 * words
 */
export function createBlocklist(entries: readonly string[], options: FoldOptions): Blocklist {
  const trie = createTrie(entries);
  return {
    size: entries.length,
    isIn: (text) =>
      entries.length > 0 &&
      [foldText(text, options), ...foldLettersApart(text, options)]
        .some((characters) => hasEntry(trie, characters)),
  };
}

/** Returns an entry's reading: its words with single spaces; empty without a letter or digit. */
export function foldEntry(entry: string): readonly string[] {
  const text = foldText(entry.replace(/\*$/, ""), { leet: false })
    .map(({ readings: [first = ""], isLetter, isDigit }) => isLetter || isDigit ? first : " ")
    .join("");
  return [...text.trim().replace(/ +/g, " ")];
}

interface Trie {
  readonly root: TrieNode;
  readonly nodes: number;
}

function createTrie(entries: readonly string[]): Trie {
  let nodes = 0;
  const createNode = (character: string): TrieNode => (
    { index: nodes++, next: new Map(), character, ends: null }
  );
  const root = createNode("");
  for (const entry of entries) {
    let node = root;
    for (const character of foldEntry(entry)) {
      const next = node.next.get(character) ?? createNode(character);
      node.next.set(character, next);
      node = next;
    }
    if (node === root) continue;
    const anywhere = entry.endsWith("*") || node.ends === "anywhere";
    node.ends = anywhere ? "anywhere" : "word";
  }
  return { root, nodes };
}

/** A place in the text and in the trie. */
interface Place {
  readonly at: number;
  readonly node: TrieNode;
  /** A character was read as itself: "455 birds" is a number, whatever its digits may spell. */
  readonly isSpelled: boolean;
}

/**
 * Looks at each place once, so the time is bounded by text times entries, whatever the spelling.
 */
function hasEntry({ root, nodes }: Trie, characters: readonly FoldedCharacter[]): boolean {
  const seen = new Set<number>();
  const open: Place[] = [];
  const add = (place: Place) => {
    const key = 2 * (place.at * nodes + place.node.index) + (place.isSpelled ? 1 : 0);
    if (seen.has(key)) return;
    seen.add(key);
    open.push(place);
  };
  for (const at of characters.keys()) {
    if (!isBoundary(characters, at)) continue;
    readCharacter(characters[at]!, { at, node: root, isSpelled: false }, add);
    for (let place = open.pop(); place; place = open.pop()) {
      const { node, isSpelled } = place;
      const ends = node.ends === "anywhere" ||
        node.ends === "word" && isEnd(characters, place);
      if (ends && isSpelled) return true;
      const character = characters[place.at];
      if (!character) continue;
      readCharacter(character, place, add);
      skipCharacter(character, place, add);
    }
  }
  return false;
}

function readCharacter(
  { readings, isLetter }: FoldedCharacter,
  { at, node, isSpelled }: Place,
  add: (place: Place) => void,
): void {
  for (const [i, reading] of readings.entries()) {
    let next: TrieNode | undefined = node;
    for (const letter of reading) next = next?.next.get(letter);
    if (next) add({ at: at + 1, node: next, isSpelled: isSpelled || isLetter || i === 0 });
  }
}

/** Skips signs and spaces between words of a phrase, but only signs within a word. */
function skipCharacter(
  { isLetter, isDigit, isSpace }: FoldedCharacter,
  { at, node, isSpelled }: Place,
  add: (place: Place) => void,
): void {
  if (isLetter || isDigit) return;
  const gap = node.next.get(" ");
  if (gap) add({ at: at + 1, node: gap, isSpelled });
  if (!isSpace || node.character === " ") add({ at: at + 1, node, isSpelled });
}

/** Returns whether a word may begin here: neither within letters nor within a number. */
function isBoundary(characters: readonly FoldedCharacter[], at: number): boolean {
  const [before, after] = [characters[at - 1], characters[at]];
  if (!before || !after) return true;
  return isParted(before, after, before.isLetter);
}

/** Returns whether a word may end after what was read, which is a letter if it was read as one. */
function isEnd(characters: readonly FoldedCharacter[], { at, node }: Place): boolean {
  const [before, after] = [characters[at - 1], characters[at]];
  if (!before || !after) return true;
  return isParted(before, after, /\p{L}|\p{M}/u.test(node.character));
}

function isParted(before: FoldedCharacter, after: FoldedCharacter, isLetter: boolean): boolean {
  const isOneWord = isLetter ? after.isLetter : before.isDigit && after.isDigit;
  return !isOneWord || before.isUnspaced || after.isUnspaced || before.isLoose && after.isLoose;
}
