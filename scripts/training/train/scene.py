"""Composes scenes on the fly: sprites on backgrounds, the caption, and where each object is."""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

import caption
import colour
from curriculum import World

IMAGE_SIZE = 128
GRID = 8
CELL = IMAGE_SIZE // GRID
MAIN_SET = "fluent-emoji-flat"
# splits differ in the seed of every draw, so no scene of one occurs in another
SPLITS = {"train": 0, "validation": 1, "classifier": 2, "classifier_validation": 3, "reference": 4}
# noun, colour, texture, art set
Look = tuple[str, str | None, str | None, str]
_Y, _X = np.mgrid[0:IMAGE_SIZE, 0:IMAGE_SIZE].astype(np.float32) / IMAGE_SIZE - 0.5


@dataclass(frozen=True)
class Placed:
    """One object of a scene. `coverage` float32 (GRID, GRID): share of each cell that it inks."""

    noun: str
    colour: str | None
    texture: str | None
    art_set: str
    x: float
    y: float
    size: float
    coverage: np.ndarray


@dataclass(frozen=True)
class Scene:
    """`image` uint8 (IMAGE_SIZE, IMAGE_SIZE, 3)."""

    image: np.ndarray
    caption: str
    background: str
    objects: tuple[Placed, ...]


class Painter:
    """Draws scenes from a sprite file made by art.build_sprites."""

    def __init__(self, sprite_file: Path, nouns: list[str] | None = None):
        with np.load(sprite_file) as data:
            rows = zip(data["nouns"].tolist(), data["sets"].tolist(), data["pixels"])
            self._sprites: dict[str, dict[str, np.ndarray]] = {}
            for noun, art_set, pixels in rows:
                self._sprites.setdefault(noun, {})[art_set] = pixels
        self.nouns = sorted(self._sprites) if nouns is None else list(nouns)

    @functools.cache
    def _painted(self, noun: str, art_set: str, name: str | None) -> np.ndarray:
        sprite = self._sprites[noun][art_set]
        return sprite if name is None else colour.paint(sprite, name)

    def draw(self, world: World, split: str, seed: int, index: int) -> Scene:
        """Draw scene number `index` of a split, as a pure function of the arguments and the sprite file."""
        rng = np.random.default_rng([seed, SPLITS[split], index])
        looks = self._looks(rng, world)
        named = rng.random() < 0.3
        taken = {look[1] for look in looks}
        background = _background_name(rng, world, named, taken)
        image = _background(rng, world, background)
        compose = self._pair if len(looks) == 2 else self._single
        subject, placed = compose(rng, world, image, looks)
        text = caption.sentence(rng, subject, background if named else None)
        return Scene(image.astype(np.uint8), text, background, placed)

    def looks(self, world: World, split: str, seed: int, index: int) -> list[Look]:
        """Return what `draw` would show for the same arguments, without drawing it."""
        return self._looks(np.random.default_rng([seed, SPLITS[split], index]), world)

    def _looks(self, rng: np.random.Generator, world: World) -> list[Look]:
        two = rng.random() < world.two_objects
        looks = [self._look(rng, world) for _ in range(2 if two else 1)]
        while two and looks[0][0] == looks[1][0]:
            looks[1] = self._look(rng, world)
        return looks

    def _look(self, rng: np.random.Generator, world: World) -> Look:
        noun = self.nouns[rng.integers(len(self.nouns))]
        name = None if rng.random() < world.natural else colour.NAMES[rng.integers(10)]
        while world.withhold and name == withheld_colour(self.nouns, noun):
            name = colour.NAMES[rng.integers(10)]
        texture = colour.TEXTURES[rng.integers(3)] if rng.random() < world.textured else None
        sets = list(self._sprites[noun])
        others = [s for s in sets if s != MAIN_SET]
        art_set = others[rng.integers(len(others))] if rng.random() < world.other_sets else MAIN_SET
        return noun, name, texture, art_set

    def _single(self, rng, world, image, looks):
        noun, name, texture, art_set = looks[0]
        size = rng.uniform(world.smallest, world.largest)
        reach = min(world.shift, max(4.0, (IMAGE_SIZE - size) / 2))
        dx, dy = rng.uniform(-reach, reach, 2)
        half = IMAGE_SIZE / 2
        placed = self._paste(rng, world, image, looks[0], half + dx, half + dy, size)
        attributes = [word for word in (texture, name) if word]
        place = ""
        if rng.random() < world.detail_words:
            if size < 66:
                attributes.insert(0, "small")
            elif size > 104:
                attributes.insert(0, "large")
            if max(abs(dx), abs(dy)) > 16:
                place = " " + caption.PLACES[arrangement_of(dx, dy)]
        return caption.noun_phrase(noun, attributes) + place, (placed,)

    def _pair(self, rng, world, image, looks):
        side = ["left", "right", "above", "below"][rng.integers(4)]
        sign = -1 if side in ("left", "above") else 1
        phrases, placed = [], []
        for number, look in enumerate(looks):
            along = (sign if number == 0 else -sign) * rng.uniform(30, 33)
            across = rng.uniform(-14, 14)
            dx, dy = (along, across) if side in ("left", "right") else (across, along)
            half = IMAGE_SIZE / 2
            size = rng.uniform(52, 64)
            placed.append(self._paste(rng, world, image, look, half + dx, half + dy, size))
            phrases.append(caption.noun_phrase(look[0], [w for w in (look[2], look[1]) if w]))
        return f"{phrases[0]} {caption.relation_phrase(rng, side)} {phrases[1]}", tuple(placed)

    def _paste(self, rng, world, image, look, x, y, size) -> Placed:
        noun, name, texture, art_set = look
        sprite = self._painted(noun, art_set, name)
        if texture is not None:
            sprite = colour.weave(sprite, texture, int(rng.integers(24, 40)))
        picture = Image.fromarray(sprite)
        if rng.random() < 0.5:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if world.turn > 0:
            angle = rng.uniform(-world.turn, world.turn)
            # the square grows, so that no corner of a drawing is cut off
            picture = picture.rotate(angle, Image.Resampling.BILINEAR, expand=True)
            size = size * picture.width / sprite.shape[0]
        side = int(round(size))
        pixels = np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR), np.float32)
        left, top = int(round(x - side / 2)), int(round(y - side / 2))
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(IMAGE_SIZE, left + side), min(IMAGE_SIZE, top + side)
        part = pixels[y0 - top:y1 - top, x0 - left:x1 - left]
        alpha = part[..., 3:] / 255
        image[y0:y1, x0:x1] = image[y0:y1, x0:x1] * (1 - alpha) + part[..., :3] * alpha
        ink = np.zeros((IMAGE_SIZE, IMAGE_SIZE), np.float32)
        ink[y0:y1, x0:x1] = alpha[..., 0]
        coverage = ink.reshape(GRID, CELL, GRID, CELL).mean((1, 3))
        return Placed(noun, name, texture, art_set, float(x), float(y), float(side), coverage)


def withheld_colour(nouns: list[str], noun: str) -> str:
    """Return the colour in which the denoiser never sees `noun`, for the fixed prompts."""
    return colour.NAMES[(7 * nouns.index(noun) + 3) % 10]


def arrangement_of(dx: float, dy: float) -> str:
    """Name an offset's direction by its larger component: left, right, above or below."""
    if abs(dx) >= abs(dy):
        return "left" if dx < 0 else "right"
    return "above" if dy < 0 else "below"


def _background_name(rng, world: World, named: bool, taken: set[str | None]) -> str:
    """Choose a background in a colour that no object of the scene has."""
    free = [name for name in colour.BACKGROUND_NAMES if name not in taken]
    if named or rng.random() < world.tinted:
        return free[rng.integers(len(free))]
    return "white" if "white" in free else "gray"


def _background(rng, world: World, name: str) -> np.ndarray:
    """Return float32 (IMAGE_SIZE, IMAGE_SIZE, 3), slightly paler than an object of that colour."""
    base = np.array(colour.BACKGROUND_RGB[name], np.float32)
    if name not in ("white", "black"):
        base = base + (255 - base) * 0.3
    image = np.broadcast_to(base, (IMAGE_SIZE, IMAGE_SIZE, 3))
    if rng.random() < world.gradient:
        angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(15, 60)
        image = image + ((np.cos(angle) * _X + np.sin(angle) * _Y) * strength)[..., None]
    return image.clip(0, 255)
