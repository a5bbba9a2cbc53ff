"""Makes a small CLIP tokenizer: CLIP's byte alphabet, with merges learnt from the fixtures' prompts."""

from collections import Counter

from transformers import CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

START, END = "<|startoftext|>", "<|endoftext|>"
MAX_LENGTH = 77
WORD_END = "</w>"

CORPUS = """a photo of a blue bird sitting on a brown chair in the morning light
a red car on a white background , highly detailed , oil painting
a small green house beside the river under a bright yellow moon
two dogs and three cats are playing with an orange ball near the old tree
blurry , low quality , watermark , text
the quick brown fox jumps over the lazy dog
it 's an astronaut riding a horse , they 're in the café !"""


def learn_merges(corpus: str, count: int) -> list[tuple[str, str]]:
    """Return byte-pair merges in the order in which they are learnt; ties go to the greater pair."""
    alphabet = bytes_to_unicode()
    words = Counter(corpus.split())
    spelled = {word: [alphabet[b] for b in word.encode()] for word in words}
    for symbols in spelled.values():
        symbols[-1] += WORD_END
    merges = []
    while len(merges) < count:
        pairs = Counter()
        for word, symbols in spelled.items():
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += words[word]
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        for word in spelled:
            spelled[word] = _merge(spelled[word], best)
    return merges


def _merge(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    merged = []
    for symbol in symbols:
        if merged and (merged[-1], symbol) == pair:
            merged[-1] += symbol
        else:
            merged.append(symbol)
    return merged


def small_clip_tokenizer(pad_token: str, merge_count: int = 160) -> CLIPTokenizer:
    """Ids follow CLIP's order: bytes, bytes that end a word, merges, [SOS], [EOS]. So "!" has id 0."""
    bytes_ = list(bytes_to_unicode().values())
    merges = learn_merges(CORPUS, merge_count)
    pieces = bytes_ + [b + WORD_END for b in bytes_] + ["".join(pair) for pair in merges]
    vocab = {piece: number for number, piece in enumerate([*pieces, START, END])}
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=MAX_LENGTH,
                         pad_token=pad_token, unk_token=END)
