"""Trains the attribute classifier on real renders of its own seeds, never on generated images."""

import json
from pathlib import Path

import numpy as np
import torch

import checkpoint
from classifier import Classifier, classifier_losses, labels_of, read, relation_of, soften
from curriculum import NARROW, WIDE
from scene import Painter, Scene, arrangement_of
from trainer import Plan, Trainer
from vae_stage import to_pixels

PLAN = Plan(steps=9000, batch=48, learning_rate=1e-3, betas=(0.9, 0.98), weight_decay=0.02,
            ema_decay=0.998, checkpoint_every=500, seed=14)
# scenes that the finished stage is measured on
HELD_OUT = 1500


def draw_scenes(painter: Painter, split: str, seed: int, start: int, count: int) -> list[Scene]:
    worlds = (NARROW, WIDE)
    return [painter.draw(worlds[i % 2], split, seed, i) for i in range(start, start + count)]


def pixels_of(scenes: list[Scene], device: torch.device) -> torch.Tensor:
    return to_pixels(np.stack([s.image for s in scenes])).to(device)


def train_classifier(painter: Painter, folder: Path, plan: Plan, device: torch.device,
                     held_out: int = HELD_OUT, precision: torch.dtype = torch.float32) -> None:
    """Train to the end of the plan, then validate on held-out renders. `precision` as for the denoiser."""
    torch.manual_seed(plan.seed)
    model = Classifier(len(painter.nouns))
    trainer = Trainer(model, plan, folder, device, {"nouns": painter.nouns})

    def losses_at(step: int, generator: torch.Generator):
        # dropout draws from the global generator
        torch.manual_seed(plan.seed * 1_000_003 + step)
        scenes = draw_scenes(painter, "classifier", plan.seed, step * plan.batch, plan.batch)
        labels = [labels_of(scene, painter.nouns) for scene in scenes]
        objects, colours = (torch.from_numpy(np.stack(part)).to(device) for part in zip(*labels))
        pixels = soften(pixels_of(scenes, device), generator)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == torch.bfloat16):
            return classifier_losses(trainer.model, pixels, objects, colours)

    if not trainer.finished:
        trainer.run(losses_at)
    if trainer.finished:
        validate(painter, folder, device, held_out)


def load_classifier(folder: Path, device: torch.device) -> tuple[Classifier, list[str]]:
    state = checkpoint.read_state(folder)
    if state is None:
        raise FileNotFoundError(f"stage classifier must be trained first: no state.json in {folder}")
    model = checkpoint.load_ema(folder, Classifier(len(state["nouns"])))
    return model.to(device), state["nouns"]


@torch.no_grad()
def validate(painter: Painter, folder: Path, device: torch.device, count: int = HELD_OUT) -> dict:
    """Write shares right on held-out renders, and false agreement on other pictures, to state.json."""
    model, nouns = load_classifier(folder, device)
    scenes = draw_scenes(painter, "classifier_validation", 0, 0, count)
    found = []
    for start in range(0, count, 50):
        found += read(*model(pixels_of(scenes[start:start + 50], device)), nouns)
    result = {"single": _score_single(scenes, found), "pair": _score_pairs(scenes, found),
              "false_agreement": _false_agreement(model, nouns, device)}
    state = checkpoint.read_state(folder)
    state["held_out"] = result
    (folder / "state.json").write_text(json.dumps(state, indent=1) + "\n")
    return result


def _score_single(scenes: list[Scene], found: list) -> dict:
    rows = [(s.objects[0], f[0]) for s, f in zip(scenes, found) if len(s.objects) == 1]
    painted = [(p, f) for p, f in rows if p.colour is not None]
    return {
        "count": len(rows),
        "object": float(np.mean([p.noun == f.noun for p, f in rows])),
        "colour": float(np.mean([p.colour == f.colour for p, f in painted])),
        "centre_error_pixels": float(np.mean([np.hypot(p.x - f.x, p.y - f.y) for p, f in rows])),
    }


def _score_pairs(scenes: list[Scene], found: list) -> dict:
    both, relation, count = 0, 0, 0
    for scene, seen in zip(scenes, found):
        if len(scene.objects) != 2:
            continue
        count += 1
        by_noun = {s.noun: s for s in seen}
        first, second = scene.objects
        if first.noun in by_noun and second.noun in by_noun:
            both += 1
            truth = arrangement_of(first.x - second.x, first.y - second.y)
            relation += relation_of(by_noun[first.noun], by_noun[second.noun]) == truth
    return {"count": count, "both_objects": both / max(1, count), "relation_of_both": relation / max(1, both)}


def _false_agreement(model: Classifier, nouns: list[str], device: torch.device, count: int = 330) -> dict:
    """Return how often an unrelated picture is taken for a noun asked at random."""
    generator = torch.Generator().manual_seed(5)
    noise = torch.rand(count, 3, 128, 128, generator=generator) * 2 - 1
    plain = (torch.rand(count, 3, 1, 1, generator=generator) * 2 - 1).expand(-1, -1, 128, 128)
    asked = torch.randint(len(nouns), (count,), generator=generator).tolist()
    shares = {}
    for name, pixels in (("noise", noise), ("plain", plain)):
        found = []
        for start in range(0, count, 55):
            found += read(*model(pixels[start:start + 55].to(device)), nouns, 1)
        said_yes = [f[0].weight >= 1 and f[0].noun == nouns[a] for f, a in zip(found, asked)]
        shares[name] = float(np.mean(said_yes))
    return shares
