"""Makes the laboratory's real renders: they validate the judge, and drawn images are compared with them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

import caption
from curriculum import WIDE
from latent_pool import CHUNK, REUSE, chunk_world
from scene import IMAGE_SIZE, Painter, Scene, withheld_colour

COLUMNS, SMALL, SMALL_COLUMNS = 25, 32, 50
SINGLES, PAIRS = 500, 200
# the denoiser was trained on exactly these prompts, since their colours are not withheld
PROMPTS = [("bird", "blue"), ("car", "yellow"), ("cat", "white"), ("fish", "green"),
           ("house", "red"), ("guitar", "brown"), ("rabbit", "pink"), ("umbrella", "purple")]
SEEDS, SHOWN, UNSHOWN = 16, 200, 100


def write_sheet(images: list[np.ndarray], columns: int, path: Path) -> None:
    """Write equal square uint8 images, row by row, as one lossless WebP."""
    side = images[0].shape[0]
    rows = -(-len(images) // columns)
    sheet = np.full((rows * side, columns * side, 3), 255, np.uint8)
    for number, image in enumerate(images):
        y, x = (place * side for place in divmod(number, columns))
        sheet[y:y + side, x:x + side] = image
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(path, lossless=True, quality=80, method=4)


def held_out_scenes(painter: Painter) -> list[Scene]:
    """Return scenes of a split unused in training: singles, then pairs, of the widest world."""
    alone, together = replace(WIDE, two_objects=0.0), replace(WIDE, two_objects=1.0)
    return ([painter.draw(alone, "reference", 21, i) for i in range(SINGLES)]
            + [painter.draw(together, "reference", 22, i) for i in range(PAIRS)])


def described(scene: Scene) -> dict:
    objects = [{"noun": p.noun, "colour": p.colour, "x": round(p.x, 1), "y": round(p.y, 1)}
               for p in scene.objects]
    return {"caption": scene.caption, "objects": objects}


def renders_of(sprite_file: Path, noun: str, colour: str, count: int, seed: int) -> list[np.ndarray]:
    """Return `count` images of the widest world whose caption is exactly the prompt."""
    painter, wanted = Painter(sprite_file, [noun]), caption.noun_phrase(noun, [colour])
    world, images, index = replace(WIDE, two_objects=0.0), [], 0
    while len(images) < count:
        scene = painter.draw(world, "reference", seed, index)
        index += 1
        if scene.caption == wanted:
            images.append(scene.image)
    return images


def shown_renders(painter: Painter, seed: int, samples: int) -> dict[tuple, list[np.ndarray]]:
    """Return small single-object renders that the denoiser was trained on, newest first, for each of PROMPTS."""
    found: dict[tuple, list[np.ndarray]] = {prompt: [] for prompt in PROMPTS}
    chunks = range(samples // (CHUNK * REUSE))
    for chunk in tqdm(chunks[::-1], desc="shown", unit="chunk"):
        world = chunk_world(chunk)
        for index in range(chunk * CHUNK, (chunk + 1) * CHUNK):
            looks = painter.looks(world, "train", seed, index)
            renders = found.get(looks[0][:2])
            if len(looks) == 1 and renders is not None and len(renders) < SHOWN:
                renders.append(shrunk(painter.draw(world, "train", seed, index).image))
    return found


def shrunk(image: np.ndarray) -> np.ndarray:
    """Average boxes to SMALL x SMALL."""
    factor = IMAGE_SIZE // SMALL
    blocks = image.reshape(SMALL, factor, SMALL, factor, 3).astype(np.float32)
    return blocks.mean((1, 3)).round().astype(np.uint8)


def write_references(sprite_file: Path, samples: int, seed: int, target: Path) -> None:
    """Write references.json and three sheets; `samples`, `seed`: how the denoiser was trained."""
    painter = Painter(sprite_file)
    for noun, colour in PROMPTS:
        if withheld_colour(painter.nouns, noun) == colour:
            raise ValueError(f"{colour} is withheld for {noun}, choose another colour")
    scenes = held_out_scenes(painter)
    write_sheet([s.image for s in scenes], COLUMNS, target / "held_out.webp")
    texts = [caption.noun_phrase(noun, [colour]) for noun, colour in PROMPTS]
    varied = [image for prompt in PROMPTS for image in renders_of(sprite_file, *prompt, SEEDS, 23)]
    write_sheet(varied, COLUMNS, target / "variety.webp")
    shown = shown_renders(painter, seed, samples)
    unshown = {p: [shrunk(i) for i in renders_of(sprite_file, *p, UNSHOWN, 24)] for p in PROMPTS}
    write_sheet([i for p in PROMPTS for i in shown[p] + unshown[p]], SMALL_COLUMNS,
                target / "training.webp")
    counts = [{"prompt": text, "count": len(shown[p]), "held_out": len(unshown[p])}
              for text, p in zip(texts, PROMPTS)]
    index = {"tile": IMAGE_SIZE, "columns": COLUMNS, "held_out": [described(s) for s in scenes],
             "variety": [{"prompt": text, "count": SEEDS} for text in texts],
             "training": {"tile": SMALL, "columns": SMALL_COLUMNS, "prompts": counts}}
    (target / "references.json").write_text(json.dumps(index) + "\n")
