"""The denoiser: a two-level U-Net with self- and cross-attention at both levels."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from noise_schedule import unit_input
from text_encoder import TEXT_WIDTH
from vae import LATENT_CHANNELS

HEAD_WIDTH = 32


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(16, channels)


def _zeroed(layer: nn.Module) -> nn.Module:
    """Zero a residual branch, so that it leaves the signal alone at first."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class TimeResidualBlock(nn.Module):
    def __init__(self, inner: int, outer: int, time_width: int):
        super().__init__()
        self.norm_in, self.conv_in = _norm(inner), nn.Conv2d(inner, outer, 3, padding=1)
        self.time = nn.Linear(time_width, outer)
        self.norm_out = _norm(outer)
        self.conv_out = _zeroed(nn.Conv2d(outer, outer, 3, padding=1))
        self.skip = nn.Identity() if inner == outer else nn.Conv2d(inner, outer, 1)

    def forward(self, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        h = self.conv_in(F.silu(self.norm_in(x))) + self.time(time)[:, :, None, None]
        return self.skip(x) + self.conv_out(F.silu(self.norm_out(h)))


class Attention(nn.Module):
    """The softmax is spelt out, so that an exported graph has a node whose output is the weights."""

    def __init__(self, width: int, context_width: int):
        super().__init__()
        self.heads = width // HEAD_WIDTH
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(context_width, width, bias=False)
        self.value = nn.Linear(context_width, width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape

        def split(t: torch.Tensor) -> torch.Tensor:
            return t.view(batch, -1, self.heads, HEAD_WIDTH).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(context)), split(self.value(context))
        weights = (q @ k.transpose(-1, -2) * HEAD_WIDTH**-0.5).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).reshape(batch, length, width))


class SpatialTransformer(nn.Module):
    """Self-attention among places, cross-attention to the text states, gated feed-forward."""

    def __init__(self, channels: int, expansion: int):
        super().__init__()
        self.norm = _norm(channels)
        self.norm_self, self.attend_self = nn.LayerNorm(channels), Attention(channels, channels)
        self.norm_cross, self.attend_cross = nn.LayerNorm(channels), Attention(channels, TEXT_WIDTH)
        self.norm_feed = nn.LayerNorm(channels)
        self.feed_in = nn.Linear(channels, 2 * expansion * channels)
        self.feed_out = nn.Linear(expansion * channels, channels)
        self.out = _zeroed(nn.Linear(channels, channels))

    def forward(self, x: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        h = self.norm(x).flatten(2).transpose(1, 2)
        normed = self.norm_self(h)
        h = h + self.attend_self(normed, normed)
        h = h + self.attend_cross(self.norm_cross(h), context)
        value, gate = self.feed_in(self.norm_feed(h)).chunk(2, -1)
        h = h + self.feed_out(value * F.gelu(gate))
        return x + self.out(h).transpose(1, 2).reshape(x.shape)


class Stage(nn.Module):
    """One residual block and one transformer."""

    def __init__(self, inner: int, outer: int, time_width: int, expansion: int):
        super().__init__()
        self.residual = TimeResidualBlock(inner, outer, time_width)
        self.transformer = SpatialTransformer(outer, expansion)

    def forward(self, x: torch.Tensor, time: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        return self.transformer(self.residual(x, time), context)


def _at(table: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
    """Return the table's values, interpolated linearly between whole timesteps."""
    if not timestep.is_floating_point():
        return table[timestep]
    below = timestep.floor().clamp(0, len(table) - 2)
    share, index = timestep - below, below.long()
    return table[index] * (1 - share) + table[index + 1] * share


class UNet(nn.Module):
    """Noisy latents (B, 12, h, w), timesteps (B,), text states (B, L, 192) -> predicted noise.

    h and w must be even; the model is trained at 8 x 8. Timesteps may be fractions, as Euler's and Heun's are.
    """

    def __init__(self, outer: int = 128, inner: int = 160):
        super().__init__()
        time = 3 * outer
        half = outer // 2
        frequencies = torch.exp(-math.log(10000) * torch.arange(half) / half)
        self.register_buffer("frequencies", frequencies, persistent=False)
        for name, table in zip(("input_factors", "unit_timesteps"), unit_input()):
            self.register_buffer(name, table, persistent=False)
        self.time_in, self.time_out = nn.Linear(outer, time), nn.Linear(time, time)
        self.conv_in = nn.Conv2d(LATENT_CHANNELS, outer, 3, padding=1)
        self.down_outer = Stage(outer, outer, time, 2)
        self.shrink = nn.Conv2d(outer, outer, 3, stride=2, padding=1)
        self.down_inner = nn.ModuleList([Stage(outer, inner, time, 3), Stage(inner, inner, time, 3)])
        self.middle = Stage(inner, inner, time, 3)
        self.up_inner = nn.ModuleList([Stage(2 * inner, inner, time, 3) for _ in range(2)])
        self.grow = nn.Conv2d(inner, outer, 3, padding=1)
        self.up_outer = nn.ModuleList([Stage(2 * outer, outer, time, 2) for _ in range(2)])
        self.norm_out = _norm(outer)
        self.conv_out = _zeroed(nn.Conv2d(outer, LATENT_CHANNELS, 3, padding=1))

    def forward(self, sample: torch.Tensor, timestep: torch.Tensor,
                encoder_hidden_states: torch.Tensor) -> torch.Tensor:
        context = encoder_hidden_states
        angles = _at(self.unit_timesteps, timestep)[:, None] * self.frequencies[None]
        waves = torch.cat([angles.cos(), angles.sin()], 1)
        time = F.silu(self.time_out(F.silu(self.time_in(waves))))
        first = self.conv_in(sample * _at(self.input_factors, timestep)[:, None, None, None])
        second = self.down_outer(first, time, context)
        h, skips = self.shrink(second), []
        for stage in self.down_inner:
            h = stage(h, time, context)
            skips.append(h)
        h = self.middle(h, time, context)
        for stage in self.up_inner:
            h = stage(torch.cat([h, skips.pop()], 1), time, context)
        h = self.grow(F.interpolate(h, scale_factor=2.0, mode="nearest"))
        for stage, skip in zip(self.up_outer, (second, first)):
            h = stage(torch.cat([h, skip], 1), time, context)
        return self.conv_out(F.silu(self.norm_out(h)))
