"""The judge says which object, in which colour, is where. It knows nothing of the generator."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import colour
from scene import CELL, GRID, Scene, arrangement_of
from text_encoder import TransformerBlock
from vae import ResidualBlock

COLOURS = [*colour.NAMES, "natural"]
# a cell is an object's from the first share of ink, background below the second, unjudged between
COVERED, BARE = 0.35, 0.04
IGNORED = -100


class Classifier(nn.Module):
    """Pixels in [-1, 1], (B, 3, 128, 128) -> object logits (B, 1 + nouns, 8, 8), class 0 being background,
    and colour logits (B, 11, 8, 8)."""

    def __init__(self, nouns: int, width: int = 48, layers: int = 3):
        super().__init__()
        self.stem = nn.Sequential(
            nn.PixelUnshuffle(4), nn.Conv2d(48, width, 3, padding=1), nn.SiLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), ResidualBlock(2 * width),
            nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1), ResidualBlock(4 * width),
        )
        # cells look at each other: a wheel alone does not tell a car from a bus
        self.positions = nn.Parameter(torch.randn(GRID * GRID, 4 * width) * 0.02)
        self.blocks = nn.ModuleList(TransformerBlock(4 * width, 6) for _ in range(layers))
        self.norm, self.dropout = nn.LayerNorm(4 * width), nn.Dropout(0.1)
        self.object = nn.Linear(4 * width, 1 + nouns)
        self.colour = nn.Linear(4 * width, len(COLOURS))
        self.register_buffer("everywhere", torch.zeros(GRID * GRID, GRID * GRID), persistent=False)

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        cells = self.stem(pixels).flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            cells = block(cells, self.everywhere)
        cells = self.dropout(self.norm(cells))
        return _as_grid(self.object(cells)), _as_grid(self.colour(cells))


def _as_grid(logits: torch.Tensor) -> torch.Tensor:
    """(B, GRID * GRID, C) -> (B, C, GRID, GRID)."""
    return logits.transpose(1, 2).unflatten(2, (GRID, GRID))


@dataclass(frozen=True)
class Seen:
    """One object found: `weight` is its mass in cells, `x`, `y` its centre in pixels."""

    noun: str
    colour: str
    weight: float
    x: float
    y: float


def read(object_logits: torch.Tensor, colour_logits: torch.Tensor, nouns: list[str],
         count: int = 2) -> list[list[Seen]]:
    """Return the `count` heaviest objects of each image, heaviest first."""
    objects = object_logits.softmax(1)[:, 1:]
    colours = colour_logits.softmax(1)
    centre = (torch.arange(GRID, device=objects.device) + 0.5) * CELL
    mass = objects.sum((2, 3))
    found = []
    for image in range(len(mass)):
        seen = []
        for noun in mass[image].topk(count).indices.tolist():
            cells, weight = objects[image, noun], mass[image, noun]
            tint = (colours[image] * cells).sum((1, 2)).argmax()
            x, y = (cells.sum(0) * centre).sum() / weight, (cells.sum(1) * centre).sum() / weight
            seen.append(Seen(nouns[noun], COLOURS[tint], weight.item(), x.item(), y.item()))
        found.append(seen)
    return found


def labels_of(scene: Scene, nouns: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return each cell's object and colour class, int64 (GRID, GRID); IGNORED where it is unclear."""
    objects = np.zeros((GRID, GRID), np.int64)
    colours = np.full((GRID, GRID), IGNORED, np.int64)
    covers = np.stack([placed.coverage for placed in scene.objects])
    objects[(covers > BARE).any(0)] = IGNORED
    for placed, cover in zip(scene.objects, covers):
        own = (cover > COVERED) & (cover >= covers.max(0))
        objects[own] = 1 + nouns.index(placed.noun)
        name = "natural" if placed.colour is None else placed.colour
        colours[own] = COLOURS.index(name)
    return objects, colours


def classifier_losses(model: Classifier, pixels: torch.Tensor, objects: torch.Tensor,
                      colours: torch.Tensor) -> dict[str, torch.Tensor]:
    object_logits, colour_logits = model(pixels)
    of_object = F.cross_entropy(object_logits, objects, ignore_index=IGNORED)
    of_colour = F.cross_entropy(colour_logits, colours, ignore_index=IGNORED)
    return {"loss": of_object + 0.5 * of_colour, "object": of_object, "colour": of_colour}


def soften(pixels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Add blur and noise of random strength, so that a soft picture is judged by its shapes."""
    options = {"generator": generator, "device": pixels.device}
    kind = int(torch.randint(4, (), **options))
    if kind == 1:
        pixels = F.avg_pool2d(F.pad(pixels, (1, 1, 1, 1), mode="replicate"), 3, 1)
    elif kind == 2:
        small = F.interpolate(pixels, scale_factor=0.5, mode="area")
        pixels = F.interpolate(small, scale_factor=2.0, mode="bilinear")
    strength = 0.12 * torch.rand((), **options)
    return pixels + strength * torch.randn(pixels.shape, **options)


def relation_of(first: Seen, second: Seen) -> str:
    """Place the first as seen from the second: left, right, above or below."""
    return arrangement_of(first.x - second.x, first.y - second.y)
