"""Judges what the averaged weights draw for fixed prompts, by the classifier and the dual encoder."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import caption
import colour
from classifier import read, relation_of
from classifier_stage import load_classifier
from contact_sheet import save_grid
from curriculum import world_at
from sampler import Pipeline
from scene import Painter, withheld_colour
from vae_stage import to_images, to_pixels

PROMPTS_FILE = Path(__file__).with_name("prompts.json")
ARRANGEMENTS = {"to the left of": "left", "to the right of": "right", "above": "above", "below": "below"}


@dataclass(frozen=True)
class Prompt:
    """A prompt and what its image must show. `relation` is that of the first object to the second."""

    text: str
    objects: list[str]
    colours: list[str]
    relation: str | None = None


def write_prompts(nouns: list[str], singles: int = 200, pairs: int = 60) -> None:
    """Fix the prompts: every object in its withheld colour, then others, then pairs with a relation."""
    rng = np.random.default_rng(2026)
    rows = [(noun, withheld_colour(nouns, noun)) for noun in nouns]
    while len(rows) < singles:
        row = (nouns[rng.integers(len(nouns))], colour.NAMES[rng.integers(10)])
        if row not in rows:
            rows.append(row)
    prompts = [{"text": caption.noun_phrase(n, [c]), "objects": [n], "colours": [c]} for n, c in rows]
    words = list(ARRANGEMENTS)
    for number in range(pairs):
        first, second = rng.permutation(len(nouns))[:2]
        tints = [colour.NAMES[i] for i in rng.permutation(10)[:2]]
        phrases = [caption.noun_phrase(nouns[n], [c]) for n, c in zip((first, second), tints)]
        word = words[number % len(words)]
        prompts.append({"text": f"{phrases[0]} {word} {phrases[1]}",
                        "objects": [nouns[first], nouns[second]], "colours": tints,
                        "relation": ARRANGEMENTS[word]})
    lines = ",\n".join(f"  {json.dumps(p)}" for p in prompts)
    PROMPTS_FILE.write_text(f"[\n{lines}\n]\n")


def load_prompts(pairs: bool) -> list[Prompt]:
    prompts = [Prompt(**row) for row in json.loads(PROMPTS_FILE.read_text())]
    return [p for p in prompts if (p.relation is not None) == pairs]


def share(hits: list[bool]) -> dict:
    """Return a share with its 95 % Wilson interval."""
    count, mean, z = len(hits), float(np.mean(hits)), 1.96
    middle = (mean + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * np.sqrt(mean * (1 - mean) / count + z * z / (4 * count**2))
    return {"share": round(mean, 4), "count": count,
            "interval": [round(float(middle - reach), 4), round(float(middle + reach), 4)]}


def judge(pixels: torch.Tensor, prompts: list[Prompt], classifier, nouns: list[str]) -> dict:
    """Return the shares of right objects, colours and relations, for one image per prompt."""
    found = []
    with torch.no_grad():
        for start in range(0, len(pixels), 50):
            found += read(*classifier(pixels[start:start + 50]), nouns)
    if prompts[0].relation is None:
        return {"object": share([f[0].noun == p.objects[0] for p, f in zip(prompts, found)]),
                "colour": share([f[0].colour == p.colours[0] for p, f in zip(prompts, found)])}
    both, related, colours = [], [], []
    for prompt, seen in zip(prompts, found):
        by_noun = {s.noun: s for s in seen}
        hit = all(noun in by_noun for noun in prompt.objects)
        both.append(hit)
        if hit:
            first, second = (by_noun[noun] for noun in prompt.objects)
            related.append(relation_of(first, second) == prompt.relation)
            colours.append([first.colour, second.colour] == prompt.colours)
    result = {"both_objects": share(both)}
    if related:
        result |= {"relation_of_both": share(related), "both_colours_of_both": share(colours)}
    return result


def pixel_variety(pixels: torch.Tensor) -> float:
    """Return the mean RMS pixel difference over pairs, for images (N, 3, H, W) in [-1, 1]."""
    flat = pixels.flatten(1)
    return float(torch.pdist(flat).mean() / flat.shape[1] ** 0.5)


def measure_variety(pipeline: Pipeline, painter: Painter, samples: int, prompts: list[str],
                    seeds: int, **options) -> dict:
    """Compare pixel variety over seeds with real renders of the same caption in the world trained so far."""
    world, ratios = world_at(samples), []
    wanted: dict[str, list[np.ndarray]] = {text: [] for text in prompts}
    for index in range(200_000):
        if all(len(images) >= seeds for images in wanted.values()):
            break
        scene = painter.draw(world, "reference", 0, index)
        if scene.caption in wanted and len(wanted[scene.caption]) < seeds:
            wanted[scene.caption].append(scene.image)
    for text, images in wanted.items():
        if len(images) < 2:
            continue
        drawn = pixel_variety(pipeline.draw([text] * seeds, list(range(seeds)), **options))
        ratios.append(drawn / pixel_variety(to_pixels(np.stack(images))))
    return {"prompts": len(ratios), "seeds": seeds,
            "drawn_over_real": [round(ratio, 3) for ratio in ratios]}


def evaluate(checkpoints: Path, sprite_file: Path, target: Path, device: torch.device, seeds: int,
             limit: int | None, **options) -> dict:
    """Draw the fixed prompts, judge them, and write `report.json` and grids to `target`."""
    pipeline = Pipeline(checkpoints, device)
    classifier, nouns = load_classifier(checkpoints / "classifier", device)
    target.mkdir(parents=True, exist_ok=True)
    report: dict = {"seeds": seeds, **options}
    for name, pairs in (("single", False), ("pair", True)):
        chosen = load_prompts(pairs)[:limit]
        prompts = [p for p in chosen for _ in range(seeds)]
        numbers = list(range(seeds)) * len(chosen)
        texts = [p.text for p in prompts]
        pixels = pipeline.draw(texts, numbers, **options)
        report[name] = judge(pixels, prompts, classifier, nouns)
        report[name]["text_image_cosine"] = _cosine(pipeline, pixels, texts)
        save_grid(to_images(pixels[:80]), 10, target / f"{name}.png", texts)
    (target / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


@torch.no_grad()
def _cosine(pipeline: Pipeline, pixels: torch.Tensor, texts: list[str]) -> float:
    ids = pipeline.tokenizer.batch(texts).to(pixels.device)
    image = torch.cat([pipeline.text.embed_image(p) for p in pixels.split(50)])
    return round(float(F.cosine_similarity(pipeline.text.embed_text(ids), image).mean()), 4)
