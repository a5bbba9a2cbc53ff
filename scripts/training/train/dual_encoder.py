"""Contrastive text and image towers; the text tower also conditions the U-Net."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from text_encoder import TEXT_WIDTH, TextEncoder
from vae import ResidualBlock

EMBEDDING = 128


class ImageTower(nn.Module):
    """Pixels in [-1, 1], (B, 3, 128, 128) -> (B, EMBEDDING), not normalised."""

    def __init__(self, width: int = 48):
        super().__init__()
        self.layers = nn.Sequential(
            nn.PixelUnshuffle(4), nn.Conv2d(48, width, 3, padding=1), nn.SiLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), ResidualBlock(2 * width),
            nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1), ResidualBlock(4 * width),
            nn.Conv2d(4 * width, 4 * width, 3, stride=2, padding=1), nn.GroupNorm(8, 4 * width),
            nn.SiLU(), nn.Flatten(), nn.Linear(4 * width * 16, EMBEDDING),
        )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.layers(pixels)


class DualEncoder(nn.Module):
    def __init__(self, vocabulary: int):
        super().__init__()
        self.text = TextEncoder(vocabulary)
        self.text_projection = nn.Linear(TEXT_WIDTH, EMBEDDING, bias=False)
        self.image = ImageTower()
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def embed_text(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Unit vectors (B, EMBEDDING)."""
        return F.normalize(self.text_projection(self.text(input_ids)[1]), dim=-1)

    def embed_image(self, pixels: torch.Tensor) -> torch.Tensor:
        """Unit vectors (B, EMBEDDING)."""
        return F.normalize(self.image(pixels), dim=-1)


def contrastive_losses(model: DualEncoder, input_ids: torch.Tensor,
                       pixels: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the symmetric cross entropy over the pairs of a batch (Radford et al. 2021)."""
    similarity = model.embed_text(input_ids) @ model.embed_image(pixels).T
    logits = model.log_scale.exp().clamp(max=100) * similarity
    own = torch.arange(len(logits), device=logits.device)
    loss = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
    hits = (logits.argmax(1) == own).float().mean()
    return {"loss": loss, "batch_recall": hits}


def recall_at_1(text: torch.Tensor, image: torch.Tensor, pool: int = 100) -> tuple[float, float]:
    """Return the share of texts (images) whose own image (text) is nearest in `pool`; unit vectors (N, EMBEDDING)."""
    hits = torch.zeros(2)
    pools = len(text) // pool
    for number in range(pools):
        part = slice(number * pool, (number + 1) * pool)
        similarity = text[part] @ image[part].T
        own = torch.arange(pool, device=similarity.device)
        hits[0] += (similarity.argmax(1) == own).float().mean().cpu()
        hits[1] += (similarity.argmax(0) == own).float().mean().cpu()
    return (hits[0] / pools).item(), (hits[1] / pools).item()
