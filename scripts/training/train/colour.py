"""Defines the ten colour names, and paints a drawing in one of them."""

import numpy as np

RGB = {
    "red": (222, 38, 38),
    "orange": (247, 130, 22),
    "yellow": (250, 212, 40),
    "green": (46, 165, 68),
    "blue": (42, 104, 228),
    "purple": (138, 60, 190),
    "pink": (247, 132, 184),
    "brown": (132, 82, 46),
    "black": (38, 38, 42),
    "white": (242, 242, 242),
}
NAMES = list(RGB)
BACKGROUND_RGB = {**RGB, "gray": (150, 150, 155)}
BACKGROUND_NAMES = list(BACKGROUND_RGB)
TEXTURES = ["striped", "dotted", "checkered"]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def _ramp(name: str) -> np.ndarray:
    """Return shadow, middle and highlight of a colour, float32 (3, 3)."""
    middle = np.array(RGB[name], np.float32)
    if name == "black":
        return np.stack([middle * 0.2, middle, np.full(3, 150, np.float32)])
    if name == "white":
        return np.stack([np.full(3, 120, np.float32), middle, np.full(3, 255, np.float32)])
    return np.stack([middle * 0.38, middle, middle + (255 - middle) * 0.72])


def paint(sprite: np.ndarray, name: str) -> np.ndarray:
    """Repaint a uint8 RGBA sprite in the named colour: its lightness is kept, its hues are replaced.

    The median lightness of the ink becomes the colour itself, so that most of the drawing has it.
    """
    luma = sprite[..., :3].astype(np.float32) @ _LUMA
    ink = luma[sprite[..., 3] > 128]
    low, middle, high = np.percentile(ink, [3, 50, 97])
    # at least 60, so that the noise in a drawing of nearly one tone is not stretched to full contrast
    below = (luma - middle) / max(middle - low, 60)
    above = (luma - middle) / max(high - middle, 60)
    shade = np.where(luma < middle, below, above).clip(-1, 1)[..., None]
    dark, base, light = _ramp(name)
    rgb = np.where(shade < 0, base + (base - dark) * shade, base + (light - base) * shade)
    painted = sprite.copy()
    painted[..., :3] = rgb.clip(0, 255)
    return painted


def weave(sprite: np.ndarray, texture: str, period: int) -> np.ndarray:
    """Lay a pattern over the ink of a uint8 RGBA sprite; `period` in sprite pixels."""
    size = sprite.shape[0]
    y, x = np.mgrid[0:size, 0:size]
    half = period // 2
    if texture == "striped":
        mark = (x + y) // half % 2 == 0
    elif texture == "checkered":
        mark = (x // half + y // half) % 2 == 0
    elif texture == "dotted":
        mark = (x % period - half) ** 2 + (y % period - half) ** 2 < (0.3 * period) ** 2
    else:
        raise ValueError(f"a texture must be one of {', '.join(TEXTURES)}; given {texture!r}")
    rgb = sprite[..., :3].astype(np.float32)
    # dark drawings take light marks and light ones dark marks, or the pattern would not show
    dark_ink = (rgb[sprite[..., 3] > 128] @ _LUMA).mean() < 90
    marked = rgb + (255 - rgb) * 0.55 if dark_ink else rgb * 0.55
    woven = sprite.copy()
    woven[..., :3] = np.where(mark[..., None], marked, rgb)
    return woven
