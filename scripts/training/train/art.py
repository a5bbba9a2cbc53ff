"""Fetches openly licensed art as npm packages, and rasterises it once into an array of sprites."""

import io
import json
import subprocess
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image
from tqdm import tqdm

SPRITE_SIZE = 128
OBJECTS_FILE = Path(__file__).with_name("objects.json")

# Licences have no non-commercial or share-alike terms; each is checked when its package is fetched.
ART_SETS = {
    "fluent-emoji-flat": ("1.2.6", "MIT"),
    "noto": ("1.2.9", "Apache-2.0"),
    "twemoji": ("1.2.5", "CC-BY-4.0"),
    "fxemoji": ("1.2.2", "Apache-2.0"),
}
# Each package names the drawings by Unicode short names, except this one.
OWN_NAMES = {"fxemoji"}


def load_objects() -> dict[str, dict[str, str]]:
    """Return object noun -> icon names: `icon` is the Unicode short name, other keys are per-set names."""
    return json.loads(OBJECTS_FILE.read_text())


def fetch_packages(folder: Path) -> None:
    """Install the pinned art packages into `folder` with npm. Raises if a licence is not the one stated."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}\n')
    wanted = [f"@iconify-json/{name}@{version}" for name, (version, _) in ART_SETS.items()]
    subprocess.run(
        ["npm", "install", "--save-exact", "--ignore-scripts", "--no-audit", "--no-fund", *wanted],
        cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    for name, (_, licence) in ART_SETS.items():
        info = json.loads((package_folder(folder, name) / "info.json").read_text())
        found = info["license"]["spdx"]
        if found != licence:
            raise ValueError(f"art set {name} must be {licence}, its info.json says {found}")


def package_folder(folder: Path, art_set: str) -> Path:
    return folder / "node_modules" / "@iconify-json" / art_set


def rasterise(body: str, width: int, height: int) -> np.ndarray:
    """SVG body -> uint8 RGBA (SPRITE_SIZE, SPRITE_SIZE, 4), cropped to its ink and centred in the square."""
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width} {height}" width="256" height="256">{body}</svg>'
    )
    png = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)
    image = Image.open(io.BytesIO(bytes(png))).convert("RGBA")
    box = image.getchannel("A").point(lambda a: 255 if a > 8 else 0).getbbox()
    if box is None:
        raise ValueError("a drawing must have visible ink, this one is empty")
    image = image.crop(box)
    side = max(image.size)
    square = Image.new("RGBA", (side, side))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return np.asarray(square.resize((SPRITE_SIZE, SPRITE_SIZE), Image.Resampling.LANCZOS))


def build_sprites(packages: Path, target: Path) -> int:
    """Rasterise every object in every set that draws it; write `target` (.npz); return the count."""
    pixels, nouns, sets = [], [], []
    icons = {s: json.loads((package_folder(packages, s) / "icons.json").read_text()) for s in ART_SETS}
    for noun, names in tqdm(load_objects().items(), desc="rasterise", unit="object"):
        for art_set, data in icons.items():
            name = names.get(art_set) if art_set in OWN_NAMES else names["icon"]
            if name is None:
                continue
            name = data.get("aliases", {}).get(name, {}).get("parent", name)
            if name not in data["icons"]:
                raise ValueError(f"art set {art_set} has no drawing {name!r} for {noun!r}")
            icon = data["icons"][name]
            size = [icon.get(k, data.get(k, 16)) for k in ("width", "height")]
            pixels.append(rasterise(icon["body"], *size))
            nouns.append(noun)
            sets.append(art_set)
    target.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(target, pixels=np.stack(pixels), nouns=nouns, sets=sets)
    return len(pixels)
