"""Writes grids of images for people to look at."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def save_grid(images: np.ndarray, columns: int, path: Path, captions: list[str] | None = None) -> None:
    """Write uint8 (N, H, W, 3) images as one PNG, row by row, each with its caption below if given."""
    count, height, width, _ = images.shape
    label = 12 if captions else 0
    rows = -(-count // columns)
    sheet = Image.new("RGB", (columns * (width + 2), rows * (height + label + 2)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        x, y = column * (width + 2), row * (height + label + 2)
        sheet.paste(Image.fromarray(image), (x, y))
        if captions:
            draw.text((x + 1, y + height), captions[number][: width // 5], fill="black", font_size=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
