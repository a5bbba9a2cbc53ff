"""Draws a tiny world of shapes for the tests, so that no test needs a registry."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from scene import Painter


def _shape(kind: str, margin: int) -> np.ndarray:
    image = Image.new("RGBA", (128, 128))
    draw = ImageDraw.Draw(image)
    box = (margin, margin, 127 - margin, 127 - margin)
    if kind == "ball":
        draw.ellipse(box, fill=(180, 180, 180, 255))
    elif kind == "box":
        draw.rectangle(box, fill=(160, 160, 160, 255))
    else:
        draw.polygon([(64, margin), (127 - margin, 127 - margin), (margin, 127 - margin)],
                     fill=(140, 140, 140, 255))
    draw.rectangle((56, 56, 72, 72), fill=(40, 40, 40, 255))
    return np.asarray(image)


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory) -> Path:
    """A data folder with a sprite file of three shapes in two art sets."""
    folder = tmp_path_factory.mktemp("data")
    kinds = ["ball", "box", "arrow"]
    sets = ["fluent-emoji-flat", "noto"]
    pixels = np.stack([_shape(kind, 2 + 8 * number) for kind in kinds for number in range(2)])
    nouns = [kind for kind in kinds for _ in sets]
    np.savez_compressed(folder / "sprites.npz", pixels=pixels, nouns=nouns, sets=sets * 3)
    return folder


@pytest.fixture
def painter(data_folder) -> Painter:
    return Painter(data_folder / "sprites.npz")
