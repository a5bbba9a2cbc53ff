"""The paper's effects, measured on this model: [EOS] swap, text early or late, attention to [SOS]."""

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from caption import noun_phrase
from classifier import Classifier, read
from classifier_stage import load_classifier
from evaluation import Prompt, load_prompts, share
from sampler import Pipeline
from tokenizer import END_ID
from unet import HEAD_WIDTH, Attention, SpatialTransformer

STEPS = 50
WINDOWS = [10, 20, 25, 30, 40]


def swapped_pairs(count: int) -> list[tuple[Prompt, Prompt]]:
    """Pairs of fixed prompts of equal length whose objects and colours both differ."""
    singles = [p for p in load_prompts(pairs=False) if noun_phrase(p.objects[0], p.colours).count(" ") == 2]
    order = np.random.default_rng(7).permutation(len(singles))
    pairs = []
    for first, second in zip(order, np.roll(order, 1)):
        a, b = singles[first], singles[second]
        if a.objects != b.objects and a.colours != b.colours:
            pairs.append((a, b))
    return pairs[:count]


def transplant(words: torch.Tensor, ends: torch.Tensor, ids: torch.Tensor, other: torch.Tensor):
    """[SOS] and words of the first states, k-th [EOS] of the second: all (B, L, D), ids (B, L)."""
    result = words.clone()
    for row in range(len(words)):
        own, source = (i[row].eq(END_ID).nonzero()[:, 0] for i in (ids, other))
        picked = source[torch.arange(len(own)).clamp(max=len(source) - 1)]
        result[row, own] = ends[row, picked]
    return result


def _mean(values: list[float]) -> dict:
    """A mean with the 95 % interval of a seeded bootstrap."""
    rng, numbers = np.random.default_rng(0), np.asarray(values)
    means = rng.choice(numbers, (2000, len(numbers))).mean(1)
    return {"mean": round(float(numbers.mean()), 4), "count": len(numbers),
            "interval": [round(float(q), 4) for q in np.percentile(means, [2.5, 97.5])]}


class Judges:
    """Classifier and dual encoder over one set of images."""

    def __init__(self, pipeline: Pipeline, classifier: Classifier, nouns: list[str]):
        self._pipeline, self._classifier, self._nouns = pipeline, classifier, nouns

    @torch.no_grad()
    def alignment(self, pixels: torch.Tensor, prompts: list[Prompt]) -> dict:
        found = [f for part in pixels.split(50) for f in read(*self._classifier(part), self._nouns)]
        ids = self._pipeline.tokenizer.batch([p.text for p in prompts])
        text = self._pipeline.text.embed_text(ids)
        image = torch.cat([self._pipeline.text.embed_image(part) for part in pixels.split(50)])
        return {"object": share([f[0].noun == p.objects[0] for f, p in zip(found, prompts)]),
                "colour": share([f[0].colour == p.colours[0] for f, p in zip(found, prompts)]),
                "cosine": _mean(F.cosine_similarity(text, image).tolist())}


def eos_swap(pipeline: Pipeline, judges: Judges, pairs: list, **options) -> dict:
    """Words of A with every [EOS] of B, against A, against B and against a pair that took no part."""
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    ids = [pipeline.tokenizer.batch([p.text for p in side]) for side in (first, second)]
    states = [pipeline.encode([p.text for p in side]) for side in (first, second)]
    seeds = list(range(len(pairs)))
    drawn = {"swapped": transplant(states[0], states[1], *ids), "own": states[0]}
    report = {}
    for name, text_states in drawn.items():
        pixels = pipeline.decode(pipeline.denoise(text_states, seeds, **options))
        report[name] = {"source": judges.alignment(pixels, first),
                        "target": judges.alignment(pixels, second),
                        "unrelated": judges.alignment(pixels, first[1:] + first[:1])}
    return report


def text_windows(pipeline: Pipeline, judges: Judges, prompts: list[Prompt], **options) -> list[dict]:
    """Text in the first `s` steps alone, and in all steps but the first `s`; elsewhere the empty prompt."""
    states, seeds = pipeline.encode([p.text for p in prompts]), list(range(len(prompts)))
    rows = []
    for border in WINDOWS:
        row: dict = {"border": border}
        for name, guided in (("text_first", range(border)), ("text_last", range(border, STEPS))):
            pixels = pipeline.decode(pipeline.denoise(states, seeds, guided=guided, **options))
            row[name] = judges.alignment(pixels, prompts)
        rows.append(row)
    return rows


@torch.no_grad()
def attention_shares(pipeline: Pipeline, prompts: list[Prompt], **options) -> dict:
    """Share of the cross-attention on [SOS], words and [EOS], over heads, layers and places, per step."""
    texts = [p.text for p in prompts]
    words = pipeline.tokenizer.batch(texts).ne(END_ID).sum(1) - 1
    sums: list[torch.Tensor] = []

    def note(layer: Attention, inputs: tuple, _) -> None:
        x, context = inputs
        # guided rows: the second half of the batch is the conditional one
        x, context = x[len(x) // 2:], context[len(context) // 2:]
        q, k = (t.view(*t.shape[:2], layer.heads, HEAD_WIDTH).transpose(1, 2)
                for t in (layer.query(x), layer.key(context)))
        weights = (q @ k.transpose(-1, -2) * HEAD_WIDTH**-0.5).softmax(-1).mean((1, 2))
        start = weights[:, 0]
        spoken = torch.stack([row[1:1 + n].sum() for row, n in zip(weights, words)])
        sums.append(torch.stack([start, spoken, 1 - start - spoken]))

    layers = [m.attend_cross for m in pipeline.unet.modules() if isinstance(m, SpatialTransformer)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        pipeline.denoise(pipeline.encode(texts), list(range(len(texts))), **options)
    finally:
        for hook in hooks:
            hook.remove()
    shares = torch.stack(sums).view(STEPS, len(layers), 3, len(texts)).mean(1)
    report = {}
    for number, name in enumerate(("start", "words", "end")):
        by_step = shares[:, number].mean(1)
        report[name] = {"all_steps": _mean(shares[:, number].mean(0).tolist()),
                        "first_step": round(by_step[0].item(), 4), "last_step": round(by_step[-1].item(), 4)}
    return report


def measure(checkpoints: Path, target: Path, device: torch.device, count: int, **options) -> dict:
    """All three, written to `target`/effects.json."""
    pipeline = Pipeline(checkpoints, device)
    judges = Judges(pipeline, *load_classifier(checkpoints / "classifier", device))
    prompts = load_prompts(pairs=False)[:count]
    report = {"count": count, **options,
              "eos_swap": eos_swap(pipeline, judges, swapped_pairs(count), **options),
              "text_windows": text_windows(pipeline, judges, prompts, **options),
              "attention": attention_shares(pipeline, prompts[:20], **options)}
    target.mkdir(parents=True, exist_ok=True)
    (target / "effects.json").write_text(json.dumps(report, indent=1) + "\n")
    return report
