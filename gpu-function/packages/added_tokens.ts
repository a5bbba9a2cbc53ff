/**
 * The special tokens and learned words of a tokenizer, which several files name. Follows transformers 5.24
 * (`PreTrainedTokenizerBase._from_pretrained` and `TokenizersBackend.__init__`): `added_tokens_decoder` in
 * `tokenizer_config.json` puts the older files aside; without it `special_tokens_map.json` goes before
 * `tokenizer_config.json`, and `added_tokens.json` and `tokenizer.json` give the words. Pure.
 */
import * as v from "valibot";

const flag = v.optional(v.boolean());
/** transformers' AddedToken as its files spell it. */
const tokenObject = v.looseObject({
  content: v.string(),
  single_word: flag,
  lstrip: flag,
  rstrip: flag,
  normalized: flag,
  special: flag,
});
export const tokenWithId = v.looseObject({ ...tokenObject.entries, id: v.number() });
/** In `added_tokens_decoder` the id is the key. */
export const tokensById = v.record(v.string(), tokenObject);

type TokenObject = v.InferOutput<typeof tokenObject>;

/** As `tokenizer.json` lists it. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Whether it is looked for in the normalized text, such as in lower case. */
  readonly normalized: boolean;
  readonly special: boolean;
}

/** Unigram lists its pieces in the order of their ids, BPE and WordLevel map them. */
export const vocabulary = v.union([
  v.record(v.string(), v.number()),
  v.array(v.looseTuple([v.string()])),
]);
export type Vocabulary = v.InferOutput<typeof vocabulary>;

export interface TokenSources {
  /** The tokenizer's folder, for sentences. */
  readonly folder: string;
  /** transformers' class without `Fast`, where the package names one. */
  readonly className: string | null;
  readonly config: Readonly<Record<string, unknown>>;
  readonly decoder: Readonly<Record<string, TokenObject>> | null;
  /** `special_tokens_map.json`. */
  readonly map: Readonly<Record<string, unknown>> | null;
  /** `added_tokens.json`. */
  readonly words: Readonly<Record<string, number>> | null;
  readonly json: {
    readonly added_tokens: readonly v.InferOutput<typeof tokenWithId>[];
    readonly vocab: Vocabulary;
    /** The padding that the file itself asks for. */
    readonly padding: string | null;
  };
}

/** In transformers' order, in which new ones get their ids. */
const NAMES = [
  "bos_token",
  "eos_token",
  "unk_token",
  "sep_token",
  "pad_token",
  "cls_token",
  "mask_token",
] as const;
export type TokenName = (typeof NAMES)[number];

export interface ResolvedTokens {
  readonly named: Readonly<Record<TokenName, string | null>>;
  readonly added: readonly AddedToken[];
}

/** What transformers' class says where no file does; it takes the vocabulary alone from `tokenizer.json`. */
const CLASSES: Readonly<Record<string, Readonly<Partial<Record<TokenName, string>>>>> = {
  CLIPTokenizer: {
    bos_token: "<|startoftext|>",
    eos_token: "<|endoftext|>",
    unk_token: "<|endoftext|>",
    pad_token: "<|endoftext|>",
  },
  T5Tokenizer: { eos_token: "</s>", unk_token: "<unk>", pad_token: "<pad>" },
};

/** T5's class has these without being told; configurations may give another number. */
const SENTINELS = { className: "T5Tokenizer", count: 100 };

/** @throws RangeError naming the file whose tokens cannot be served as they are */
export function resolveTokens(sources: TokenSources): ResolvedTokens {
  const { className, config, decoder, map, json } = sources;
  const defaults = CLASSES[className ?? ""];
  const told: Readonly<Record<string, unknown>> = {
    ...(defaults ?? { pad_token: json.padding }),
    ...config,
    ...(decoder ? {} : map),
  };
  const special = (name: string) => asToken(sources, name, told[name]);
  const named = NAMES.map((name) => [name, special(name)] as const);
  const ownNames = Object.keys(told)
    .filter((key) => key.endsWith("_token") && !NAMES.some((name) => name === key))
    // Settings such as `add_bos_token` are named alike.
    .filter((key) => typeof told[key] !== "boolean");
  const extras = extraTokens(sources);
  const general = named.flatMap(([, token]) => token ?? []);
  const specials = [
    ...general,
    ...ownNames.flatMap((name) => special(name) ?? []),
    ...extras.tokens,
  ];
  const meant = extras.special ? [...general, ...extras.tokens] : general;
  const listed = listedTokens(sources, new Set(meant.map(({ content }) => content)));
  const base = defaults ? [] : json.added_tokens.map(inTokenizerJson);
  const known = new Set([...base, ...listed].map(({ content }) => content));
  const fresh = specials.filter(({ content }) => !known.has(content));
  return {
    named: namesOf(named),
    added: withIds(sources, [...base, ...listed, ...fresh.map(asSpecial)]),
  };
}

function namesOf(
  named: readonly (readonly [TokenName, TokenObject | null])[],
): ResolvedTokens["named"] {
  const of = (wanted: TokenName) => named.find(([name]) => name === wanted)?.[1]?.content ?? null;
  return {
    bos_token: of("bos_token"),
    eos_token: of("eos_token"),
    unk_token: of("unk_token"),
    sep_token: of("sep_token"),
    pad_token: of("pad_token"),
    cls_token: of("cls_token"),
    mask_token: of("mask_token"),
  };
}

const FROM = { config: "tokenizer_config.json", map: "special_tokens_map.json" };

/** The file that a field was taken from. */
function fileOf({ decoder, map }: TokenSources, name: string): string {
  return !decoder && map && Object.hasOwn(map, name) ? FROM.map : FROM.config;
}

/** Anywhere in a tokenizer's files a token is its text or an object around it. */
function asToken(sources: TokenSources, name: string, value: unknown): TokenObject | null {
  if (value === undefined || value === null) return null;
  const parsed = v.safeParse(v.union([v.string(), tokenObject]), value);
  if (!parsed.success) {
    throw new RangeError(
      `${sources.folder}/${
        fileOf(sources, name)
      }: ${name} must be a token or an object with its content, ` +
        `given ${JSON.stringify(value)}`,
    );
  }
  return typeof parsed.output === "string" ? { content: parsed.output } : parsed.output;
}

interface ExtraTokens {
  readonly tokens: readonly TokenObject[];
  /** Whether `added_tokens.json` means special tokens by these words, which are then not normalized. */
  readonly special: boolean;
}

/** Special tokens without a name of their own, in the order in which new ones get ids. */
function extraTokens(sources: TokenSources): ExtraTokens {
  const { className, config, decoder } = sources;
  const map = decoder ? {} : sources.map ?? {};
  const read = (from: TokenSources["config"], name: string) => {
    const list = from[name];
    // A dictionary names its tokens, which makes no difference to a text.
    const values = typeof list === "object" && list !== null ? Object.values(list) : [];
    return values.flatMap((value) => asToken(sources, name, value) ?? []);
  };
  const [extra, additional] = ["extra_special_tokens", "additional_special_tokens"] as const;
  const own = [extra, additional].map((name) => read(config, name)).find(({ length }) =>
    length > 0
  );
  const extras = [...own ?? [], ...read(map, extra)];
  if (extras.length > 0) return { tokens: extras, special: true };
  const others = read(map, additional);
  const none = others.length === 0 && className === SENTINELS.className;
  return { tokens: none ? sentinels(config) : others, special: false };
}

function sentinels(config: TokenSources["config"]): TokenObject[] {
  const { extra_ids: given } = config;
  const count = typeof given === "number" ? given : SENTINELS.count;
  return Array.from({ length: count }, (_, i) => ({ content: `<extra_id_${i}>` }));
}

interface ListedToken extends Omit<AddedToken, "id"> {
  /** The id that its file gives; null where it gets the next free one. */
  readonly id: number | null;
  /** The file, for sentences. */
  readonly file: string;
}

function asSpecial(token: TokenObject): ListedToken {
  return { ...whole({ ...token, special: true }), id: null, file: FROM.map };
}

function inTokenizerJson(token: v.InferOutput<typeof tokenWithId>): ListedToken {
  return { ...whole(token), id: token.id, file: "tokenizer.json" };
}

function whole({ content, ...flags }: TokenObject): Omit<AddedToken, "id"> {
  const { single_word = false, lstrip = false, rstrip = false, special = false } = flags;
  // As the library of tokenizers decides where nobody says.
  const { normalized = !special } = flags;
  return { content, single_word, lstrip, rstrip, normalized, special };
}

/** Tokens that a file lists with their ids, in the order of these. */
function listedTokens(
  { decoder, words, json }: TokenSources,
  special: ReadonlySet<string>,
): ListedToken[] {
  const entries = decoder
    ? Object.entries(decoder).map(([id, token]) => ({
      ...whole(token),
      id: Number(id),
      file: FROM.config,
    }))
    : [
      ...Object.entries(words ?? {}).map(([content, id]) => ({
        ...whole({ content, special: special.has(content) }),
        id,
        file: "added_tokens.json",
      })),
      ...json.added_tokens.map(inTokenizerJson),
    ];
  return entries.sort((a, b) => (a.id ?? 0) - (b.id ?? 0));
}

/**
 * A word of the vocabulary keeps its id, another gets the next free one, whatever id its file gives. Where
 * the two differ the encoder has learned another word in its place, so the package is refused.
 */
function withIds(
  { folder, json: { vocab } }: TokenSources,
  tokens: readonly ListedToken[],
): AddedToken[] {
  const size = Array.isArray(vocab) ? vocab.length : Object.keys(vocab).length;
  const find = finder(vocab);
  const added = new Map<string, AddedToken>();
  let next = size;
  for (const { id: stated, file, ...token } of tokens) {
    const where = `${folder}/${file}: ${token.content}`;
    if (token.single_word) {
      throw new RangeError(`${where} must not be a single_word, which cannot be looked for here`);
    }
    const id = added.get(token.content)?.id ?? find(token.content) ?? next;
    if (stated !== null && stated !== id) {
      throw new RangeError(
        `${where} must have the id ${id}, ${
          id < size ? "the vocabulary's" : "the next free one"
        }, given ${stated}`,
      );
    }
    next = Math.max(next, id + 1);
    added.set(token.content, { id, ...token });
  }
  return [...added.values()];
}

/** The id of a word; null where the vocabulary lacks it. */
export function finder(vocab: Vocabulary): (word: string) => number | null {
  if (Array.isArray(vocab)) {
    const ids = new Map(vocab.map(([piece], id) => [piece, id]));
    return (word) => ids.get(word) ?? null;
  }
  return (word) => Object.hasOwn(vocab, word) ? vocab[word] ?? null : null;
}
