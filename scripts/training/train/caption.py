"""Describes a scene in English: articles, attributes, relations, places, backgrounds."""

import numpy as np

PLURAL = {"grapes", "scissors", "glasses"}
UNCOUNTABLE = {"cheese", "corn"}
FRAMES = [
    "{}", "{}", "{}", "{}", "{}", "{}", "a picture of {}", "a drawing of {}", "an image of {}",
    "an icon of {}", "this is {}", "here is {}",
]
BACKGROUND_FRAMES = [
    " on a {} background", " on a {} background", " with a {} background", " in front of a {} wall",
]
# arrangement of the first object relative to the second -> words for it
RELATIONS = {
    "left": ["to the left of", "on the left of", "left of", "next to", "beside", "near"],
    "right": ["to the right of", "on the right of", "right of", "next to", "beside", "near"],
    "above": ["above", "over", "on top of"],
    "below": ["below", "under", "beneath"],
}
CONJUNCTIONS = ["and", "and", "with"]
PLACES = {"left": "on the left", "right": "on the right", "above": "at the top", "below": "at the bottom"}


def article(words: str) -> str:
    """Return 'a' or 'an' for the first of `words`; a unicorn begins with a consonant sound."""
    return "an" if words[0] in "aeiou" and not words.startswith("unicorn") else "a"


def noun_phrase(noun: str, attributes: list[str]) -> str:
    """Return a phrase such as 'an orange car', 'blue grapes' or 'green corn'."""
    words = " ".join([*attributes, noun])
    if noun in PLURAL or noun in UNCOUNTABLE:
        return words
    return f"{article(words)} {words}"


def _pick(rng: np.random.Generator, options: list[str]) -> str:
    return options[rng.integers(len(options))]


def relation_phrase(rng: np.random.Generator, arrangement: str) -> str:
    """Return words that are true of the arrangement, or a plain 'and' three times in ten."""
    if rng.random() < 0.3:
        return _pick(rng, CONJUNCTIONS)
    return _pick(rng, RELATIONS[arrangement])


def sentence(rng: np.random.Generator, subject: str, background: str | None) -> str:
    """Return the full caption; `background` is a colour name, or None when the caption leaves it open."""
    text = _pick(rng, FRAMES).format(subject)
    if background is None:
        return text
    frame = _pick(rng, BACKGROUND_FRAMES)
    # 'a picture of an orange on an orange background': the article follows the colour
    return text + frame.replace("a {}", "{}").format(f"{article(background)} {background}")


def every_word(nouns: list[str], colours: list[str], textures: list[str]) -> list[str]:
    """Return the sorted vocabulary of all captions that this module can write."""
    phrases = [*FRAMES, *BACKGROUND_FRAMES, *CONJUNCTIONS, *PLACES.values(), *nouns, *colours, *textures]
    for words in RELATIONS.values():
        phrases += words
    phrases += ["a", "an", "small", "large", "the"]
    return sorted({word for phrase in phrases for word in phrase.replace("{}", " ").split()})
