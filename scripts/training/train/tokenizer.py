"""Word tokenizer with CLIP's special tokens, and its Hugging Face `tokenizer.json`."""

import re

import torch

START, END, UNKNOWN = "<|startoftext|>", "<|endoftext|>", "<unk>"
START_ID, END_ID, UNKNOWN_ID = 0, 1, 2
MAX_LENGTH = 32


class Tokenizer:
    """Lower-cased words; [SOS] words [EOS], then [EOS] again up to MAX_LENGTH, as in Stable Diffusion 1."""

    def __init__(self, words: list[str]):
        self.ids = {token: i for i, token in enumerate([START, END, UNKNOWN, *words])}

    def encode(self, text: str) -> list[int]:
        """Return MAX_LENGTH token ids; longer texts keep their first words and one [EOS]."""
        words = re.findall(r"[a-z]+", text.lower())[: MAX_LENGTH - 2]
        ids = [START_ID, *(self.ids.get(word, UNKNOWN_ID) for word in words)]
        return ids + [END_ID] * (MAX_LENGTH - len(ids))

    def batch(self, texts: list[str]) -> torch.Tensor:
        """int64 (len(texts), MAX_LENGTH)."""
        return torch.tensor([self.encode(text) for text in texts])

    def to_json(self) -> dict:
        """Return the `tokenizers` library's file of the same tokenizer."""
        special = [
            {"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": True}
            for i, token in enumerate([START, END, UNKNOWN])
        ]
        template = [
            {"SpecialToken": {"id": START, "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": END, "type_id": 0}},
        ]
        ids_of = {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in ((START, 0), (END, 1))}
        return {
            "version": "1.0",
            "truncation": {"direction": "Right", "max_length": MAX_LENGTH,
                           "strategy": "LongestFirst", "stride": 0},
            "padding": {"strategy": {"Fixed": MAX_LENGTH}, "direction": "Right",
                        "pad_to_multiple_of": None, "pad_id": END_ID, "pad_type_id": 0,
                        "pad_token": END},
            "added_tokens": special,
            "normalizer": {"type": "Lowercase"},
            "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[a-z]+"},
                              "behavior": "Removed", "invert": True},
            "post_processor": {"type": "TemplateProcessing", "single": template, "pair": [],
                               "special_tokens": ids_of},
            "decoder": None,
            "model": {"type": "WordLevel", "vocab": self.ids, "unk_token": UNKNOWN},
        }
