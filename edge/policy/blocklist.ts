/**
 * Finds words and phrases that must not be drawn, in any spelling that reads like them. What one
 * text may cost is bounded: one that needs more is refused, rather than passed half read.
 */
import {
  type FoldedCharacter,
  foldedLength,
  foldLettersApart,
  type FoldOptions,
  foldText,
} from "./folded_text.ts";

/** `unreadable`: reading all of it would take more than any honest text does. */
export type Verdict = "passes" | "blocked" | "unreadable";

export interface Finding {
  readonly verdict: Verdict;
  /** Folded characters and places of the list that were looked at. */
  readonly work: number;
}

export interface Blocklist {
  readonly size: number;
  /** Looks for its entries in the text, as words of their own. */
  look(text: string): Finding;
}

/** Four times what a prompt may have, since an honest character seldom stands for more than two. */
export const FOLDED_LENGTH_MAX = 16_000;
/** Some 10 ms; four thousand honest letters against 20,000 entries need a twentieth of it. */
export const WORK_MAX = 400_000;

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
    look(text) {
      if (entries.length === 0) return { verdict: "passes", work: 0 };
      const length = foldedLength(text);
      if (length > FOLDED_LENGTH_MAX) return { verdict: "unreadable", work: 0 };
      const search = new Search(trie, length);
      const isFound = [foldText(text, options), ...foldLettersApart(text, options)]
        .some((characters) => search.finds(characters));
      const verdict = isFound ? "blocked" : search.isOver ? "unreadable" : "passes";
      return { verdict, work: search.work };
    },
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

/** A place in the trie, for one place in the text. */
interface Place {
  readonly node: TrieNode;
  /** A character was read as itself: "455 birds" is a number, whatever its digits may spell. */
  readonly isSpelled: boolean;
}

/** Goes through texts once, with all places of the trie where each may be, up to its bound. */
class Search {
  readonly #trie: Trie;
  /** For each node, in both states, the last place in the text at which it was reached. */
  readonly #reached: Uint32Array;
  #moment = 0;
  #next: Place[] = [];
  #work: number;

  constructor(trie: Trie, work: number) {
    this.#trie = trie;
    this.#reached = new Uint32Array(2 * trie.nodes);
    this.#work = work;
  }

  get work(): number {
    return this.#work;
  }

  get isOver(): boolean {
    return this.#work > WORK_MAX;
  }

  finds(characters: readonly FoldedCharacter[]): boolean {
    const start: Place = { node: this.#trie.root, isSpelled: false };
    let places: Place[] = [];
    for (const [at, character] of characters.entries()) {
      this.#moment++;
      this.#next = [];
      if (isBoundary(characters, at)) this.#read(character, start);
      for (const place of places) {
        this.#read(character, place);
        this.#skip(character, place);
        if (this.isOver) return false;
      }
      places = this.#next;
      if (places.some((place) => hasEnded(characters, at + 1, place))) return true;
    }
    return false;
  }

  #read({ readings, isLetter }: FoldedCharacter, { node, isSpelled }: Place): void {
    for (const [i, reading] of readings.entries()) {
      this.#work++;
      let next: TrieNode | undefined = node;
      for (const letter of reading) next = next?.next.get(letter);
      if (next) this.#add(next, isSpelled || isLetter || i === 0);
    }
  }

  /** Skips signs and spaces between words of a phrase, but only signs within a word. */
  #skip({ isLetter, isDigit, isSpace }: FoldedCharacter, { node, isSpelled }: Place): void {
    if (isLetter || isDigit) return;
    this.#work++;
    const gap = node.next.get(" ");
    if (gap) this.#add(gap, isSpelled);
    if (!isSpace || node.character === " ") this.#add(node, isSpelled);
  }

  #add(node: TrieNode, isSpelled: boolean): void {
    const state = 2 * node.index + (isSpelled ? 1 : 0);
    if (this.#reached[state] === this.#moment) return;
    this.#reached[state] = this.#moment;
    this.#next.push({ node, isSpelled });
  }
}

/** Returns whether an entry ends here that was read. */
function hasEnded(
  characters: readonly FoldedCharacter[],
  at: number,
  { node, isSpelled }: Place,
): boolean {
  if (!isSpelled || node.ends === null) return false;
  return node.ends === "anywhere" || isEnd(characters, at, node);
}

/** Returns whether a word may begin here: neither within letters nor within a number. */
function isBoundary(characters: readonly FoldedCharacter[], at: number): boolean {
  const [before, after] = [characters[at - 1], characters[at]];
  if (!before || !after) return true;
  return isParted(before, after, before.isLetter);
}

/** Returns whether a word may end after what was read, which is a letter if it was read as one. */
function isEnd(characters: readonly FoldedCharacter[], at: number, node: TrieNode): boolean {
  const [before, after] = [characters[at - 1], characters[at]];
  if (!before || !after) return true;
  return isParted(before, after, /\p{L}|\p{M}/u.test(node.character));
}

function isParted(before: FoldedCharacter, after: FoldedCharacter, isLetter: boolean): boolean {
  const isOneWord = isLetter ? after.isLetter : before.isDigit && after.isDigit;
  return !isOneWord || before.isUnspaced || after.isUnspaced || before.isLoose && after.isLoose;
}
