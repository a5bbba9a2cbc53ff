"""Variational autoencoder: 128x128 RGB to 8x8 latents of 12 channels (f = 16) and back."""

import torch
import torch.nn.functional as F
from torch import nn

LATENT_CHANNELS = 12
FACTOR = 16


class ResidualBlock(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.conv_in = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_out = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.conv_out.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv_out(F.silu(self.conv_in(F.silu(self.norm(x)))))


class Encoder(nn.Module):
    """Pixels in [-1, 1], (B, 3, H, W) -> mean and log variance, each (B, LATENT_CHANNELS, H/16, W/16)."""

    def __init__(self, width: int = 48):
        super().__init__()
        self.layers = nn.Sequential(
            nn.PixelUnshuffle(4), nn.Conv2d(48, width, 3, padding=1), ResidualBlock(width),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), ResidualBlock(2 * width),
            nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1), ResidualBlock(4 * width),
            nn.SiLU(), nn.Conv2d(4 * width, 2 * LATENT_CHANNELS, 1),
        )

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean, log_variance = self.layers(pixels).chunk(2, 1)
        return mean, log_variance.clamp(-14, 4)


def _up(inner: int, outer: int) -> list[nn.Module]:
    return [nn.Conv2d(inner, 4 * outer, 1), nn.PixelShuffle(2)]


class Decoder(nn.Module):
    """Latents (B, LATENT_CHANNELS, h, w) -> pixels about [-1, 1], (B, 3, 16h, 16w)."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(LATENT_CHANNELS, 6 * width, 3, padding=1),
            ResidualBlock(6 * width), ResidualBlock(6 * width), *_up(6 * width, 4 * width),
            ResidualBlock(4 * width), ResidualBlock(4 * width), *_up(4 * width, 2 * width),
            ResidualBlock(2 * width), ResidualBlock(2 * width), *_up(2 * width, width),
            ResidualBlock(width), nn.SiLU(), nn.Conv2d(width, 12, 3, padding=1), nn.PixelShuffle(2),
        )

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return self.layers(latents)


class Autoencoder(nn.Module):
    def __init__(self, encoder_width: int = 48, decoder_width: int = 32):
        super().__init__()
        self.encoder = Encoder(encoder_width)
        self.decoder = Decoder(decoder_width)


class LatentScale(nn.Module):
    """Per-channel mean and deviation that turn raw latents into ones of zero mean and one deviation.

    `gain` is that deviation: the noise schedule's LATENT_GAIN where the denoiser is concerned.
    """

    def __init__(self, mean: list[float], deviation: list[float], gain: float):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(1, -1, 1, 1) / gain)

    def normalise(self, raw: torch.Tensor) -> torch.Tensor:
        return (raw - self.mean) / self.deviation

    def restore(self, latents: torch.Tensor) -> torch.Tensor:
        return latents * self.deviation + self.mean


def autoencoder_losses(model: Autoencoder, pixels: torch.Tensor, generator: torch.Generator,
                       kl_weight: float = 2e-4) -> dict[str, torch.Tensor]:
    """Absolute error, error of differences between neighbours (edges), and the KL term."""
    mean, log_variance = model.encoder(pixels)
    noise = torch.empty_like(mean).normal_(generator=generator)
    error = model.decoder(mean + noise * (0.5 * log_variance).exp()) - pixels
    absolute = error.abs().mean()
    edges = error.diff(dim=3).abs().mean() + error.diff(dim=2).abs().mean()
    coarse = F.avg_pool2d(error, 4).abs().mean()
    kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
    loss = absolute + 0.5 * edges + 0.5 * coarse + kl_weight * kl
    return {"loss": loss, "absolute": absolute, "edges": edges, "kl": kl}
