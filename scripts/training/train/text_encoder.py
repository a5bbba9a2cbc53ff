"""CLIP-style text encoder: causal transformer, pooled at the first [EOS]."""

import torch
import torch.nn.functional as F
from torch import nn

from tokenizer import END_ID, MAX_LENGTH

TEXT_WIDTH = 192


class TransformerBlock(nn.Module):
    """Attention and feed-forward, each after its norm; `mask` (L, L) is added to the logits."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_feed = nn.LayerNorm(width)
        self.feed_in = nn.Linear(width, 4 * width)
        self.feed_out = nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        shape = (batch, length, 3, self.heads, width // self.heads)
        q, k, v = self.query_key_value(self.norm_attention(x)).view(shape).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-1, -2) * (width // self.heads) ** -0.5 + mask).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(batch, length, width))
        return x + self.feed_out(F.gelu(self.feed_in(self.norm_feed(x))))


class TextEncoder(nn.Module):
    """Token ids int64 (B, L <= MAX_LENGTH) -> states (B, L, TEXT_WIDTH) and the first [EOS]'s (B, TEXT_WIDTH)."""

    def __init__(self, vocabulary: int, layers: int = 3, heads: int = 6):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, TEXT_WIDTH)
        nn.init.normal_(self.tokens.weight, std=0.02)
        self.positions = nn.Parameter(torch.randn(MAX_LENGTH, TEXT_WIDTH) * 0.01)
        self.blocks = nn.ModuleList(TransformerBlock(TEXT_WIDTH, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(TEXT_WIDTH)
        # finite, so that fp16 holds it
        self.register_buffer("mask", torch.full((MAX_LENGTH, MAX_LENGTH), -1e4).triu(1))

    def forward(self, input_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        length = input_ids.shape[1]
        x = self.tokens(input_ids) + self.positions[:length]
        for block in self.blocks:
            x = block(x, self.mask[:length, :length])
        states = self.norm(x)
        first_end = (input_ids == END_ID).int().argmax(1)
        pooled = states[torch.arange(input_ids.shape[0], device=input_ids.device), first_end]
        return states, pooled
