"""Writes tests/parity/fixtures/safety_checker: a small random checker, images, and what diffusers says.

    python safety_checker_fixture.py [--out FOLDER]
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker, cosine_distance
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessor

from package_folder import drafting, write_json
from safety_graph import safety_graph

OUT = Path(__file__).resolve().parents[3] / "tests/parity/fixtures/safety_checker"
SIDE = 64
IMAGES = 12
# two resamplers may disagree about scores nearer to a threshold
MARGIN = 0.004


def build() -> tuple[StableDiffusionSafetyChecker, CLIPImageProcessor]:
    torch.manual_seed(0)
    vision = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
              "image_size": SIDE, "patch_size": 16, "projection_dim": 16, "hidden_act": "quick_gelu"}
    model = StableDiffusionSafetyChecker(CLIPConfig(vision_config=vision, projection_dim=16)).eval()
    for value in [*model.vision_model.parameters(), model.visual_projection.weight]:
        # wider than a library's default, so that images differ
        value.data.copy_(torch.randn_like(value) * (0.3 if value.dim() > 1 else 1.0))
    for value in (model.concept_embeds, model.special_care_embeds):
        value.data.copy_(torch.randn_like(value))
    processor = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    return model, processor


def draw_images() -> list[Image.Image]:
    """Draw smooth images, since resamplers differ in noise; wide, tall and square ones."""
    random = np.random.default_rng(0)
    images = []
    for index in range(IMAGES):
        width, height = [(96, 64), (48, 80), (64, 64)][index % 3]
        coarse = Image.fromarray(random.integers(0, 256, (3, 4, 3), dtype=np.uint8))
        images.append(coarse.resize((width, height), Image.Resampling.BICUBIC))
    return images


@torch.no_grad()
def choose_thresholds(model: StableDiffusionSafetyChecker, pixels: torch.Tensor) -> None:
    """Flag about half of the images, some only by special care, each by a clear margin."""
    embeds = model.visual_projection(model.vision_model(pixels)[1])
    special = cosine_distance(embeds, model.special_care_embeds)
    scores = cosine_distance(embeds, model.concept_embeds)
    model.special_care_embeds_weights.fill_(2.0)
    model.special_care_embeds_weights[1] = _gap(special[:, 1], 0.5)
    care = (special[:, 1] > model.special_care_embeds_weights[1]).float() * 0.01
    model.concept_embeds_weights.fill_(2.0)
    for concept in (3, 11):
        model.concept_embeds_weights[concept] = _gap(scores[:, concept] + care, 0.7)


def _gap(values: torch.Tensor, quantile: float) -> float:
    """Return the middle of the widest gap near the quantile."""
    ordered = values.sort().values
    place = int(quantile * (len(ordered) - 1))
    near = range(max(0, place - 2), min(len(ordered) - 1, place + 3))
    low = max(near, key=lambda i: ordered[i + 1] - ordered[i])
    if ordered[low + 1] - ordered[low] < 2 * MARGIN:
        raise ValueError("The images are too much alike for this checker.")
    return float((ordered[low] + ordered[low + 1]) / 2)


@torch.no_grad()
def write_fixture(folder: Path) -> None:
    model, processor = build()
    images = draw_images()
    pixels = processor(images, return_tensors="pt").pixel_values
    choose_thresholds(model, pixels)
    safety_graph(model).write(folder)
    processor.save_pretrained(folder / "feature_extractor")
    (folder / "images").mkdir()
    goldens = []
    for index, image in enumerate(images):
        name = f"images/{index}.png"
        image.save(folder / name, optimize=True)
        picture = np.asarray(image, dtype=np.float32)[None] / 255
        _, [flagged] = model(pixels[index:index + 1], picture)
        goldens.append({"file": name, "flagged": flagged, "mean": float(pixels[index].mean())})
    write_json(folder / "goldens.json", goldens)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out
    with drafting(out, replace=True) as draft:
        draft.mkdir(parents=True)
        write_fixture(draft)


if __name__ == "__main__":
    main()
