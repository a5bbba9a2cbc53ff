"""Encodes prompts to text states as the two pipeline classes do."""

from dataclasses import dataclass

import torch
from diffusers import DiffusionPipeline, PixArtAlphaPipeline

PIXART_LENGTH = 120


@dataclass(frozen=True)
class Text:
    """One prompt: ids and mask [1, length], states [1, length, width]."""

    ids: torch.Tensor
    mask: torch.Tensor
    states: torch.Tensor

    def swap_ends(self, other: "Text", end_id: int) -> "Text":
        """Join words of this with [EOS] and padding of the other: the k-th takes the k-th, the last repeats.

        Each prompt went through the encoder by itself, so the other's [EOS] sums up the other's words.
        """
        mine, theirs = (int((text.ids[0] == end_id).nonzero()[0]) for text in (self, other))
        length = self.ids.shape[1]
        states = self.states.clone()
        for position in range(mine, length):
            states[:, position] = other.states[:, min(theirs + position - mine, length - 1)]
        return Text(self.ids, self.mask, states)


@torch.no_grad()
def encode(pipeline: DiffusionPipeline, prompt: str) -> Text:
    if isinstance(pipeline, PixArtAlphaPipeline):
        return _encode_t5(pipeline, prompt)
    tokens = pipeline.tokenizer(prompt, padding="max_length", truncation=True, return_tensors="pt",
                                max_length=pipeline.tokenizer.model_max_length)
    states = pipeline.text_encoder(tokens.input_ids)[0]
    return Text(tokens.input_ids, tokens.attention_mask, states)


def _encode_t5(pipeline: PixArtAlphaPipeline, prompt: str) -> Text:
    """PixArt lowers the prompt's case and strips it first, since T5's tokenizer would not."""
    tokens = pipeline.tokenizer(prompt.lower().strip(), padding="max_length", truncation=True,
                                max_length=PIXART_LENGTH, return_tensors="pt")
    states = pipeline.text_encoder(tokens.input_ids, attention_mask=tokens.attention_mask)[0]
    return Text(tokens.input_ids, tokens.attention_mask, states)
