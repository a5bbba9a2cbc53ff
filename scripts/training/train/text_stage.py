"""Stage 2 trains the dual encoder, on captions and pixels."""

import json
from pathlib import Path

import numpy as np
import torch

import caption
import checkpoint
import colour
from curriculum import NARROW, WIDE
from dual_encoder import DualEncoder, contrastive_losses, recall_at_1
from scene import Painter
from tokenizer import END_ID, Tokenizer
from trainer import Plan, Trainer
from vae_stage import to_pixels

PLAN = Plan(steps=700, batch=128, learning_rate=1e-3, betas=(0.9, 0.98), weight_decay=0.02,
            ema_decay=0.995, checkpoint_every=200, seed=12)
# scenes that the finished stage is measured on
HELD_OUT = 1000


def make_tokenizer(nouns: list[str]) -> Tokenizer:
    return Tokenizer(caption.every_word(nouns, colour.BACKGROUND_NAMES, colour.TEXTURES))


def draw_pairs(painter: Painter, split: str, seed: int, start: int, count: int):
    """Draw images uint8 (count, 128, 128, 3) and their captions, from both worlds in turn."""
    worlds = (NARROW, WIDE)
    scenes = [painter.draw(worlds[i % 2], split, seed, i) for i in range(start, start + count)]
    return np.stack([s.image for s in scenes]), [s.caption for s in scenes]


def train_text(painter: Painter, folder: Path, plan: Plan, device: torch.device,
               held_out: int = HELD_OUT) -> None:
    """Train to the end of the plan, then note retrieval on held-out pairs in state.json."""
    torch.manual_seed(plan.seed)
    tokenizer = make_tokenizer(painter.nouns)
    facts = {"words": list(tokenizer.ids)[3:]}
    trainer = Trainer(DualEncoder(len(tokenizer.ids)), plan, folder, device, facts)

    def losses_at(step: int, generator: torch.Generator):
        images, captions = draw_pairs(painter, "train", plan.seed, step * plan.batch, plan.batch)
        ids = tokenizer.batch(captions)
        # causal: nothing after the first [EOS] can change what is pooled there
        longest = int((ids != END_ID).sum(1).max()) + 1
        return contrastive_losses(
            trainer.model, ids[:, :longest].to(device), to_pixels(images).to(device))

    if not trainer.finished:
        trainer.run(losses_at)
    if trainer.finished:
        report_retrieval(painter, folder, device, held_out)


def load_dual_encoder(folder: Path, device: torch.device) -> tuple[DualEncoder, Tokenizer]:
    state = checkpoint.read_state(folder)
    if state is None:
        raise FileNotFoundError(f"stage text must be trained first: no state.json in {folder}")
    tokenizer = Tokenizer(state["words"])
    model = checkpoint.load_ema(folder, DualEncoder(len(tokenizer.ids)))
    return model.to(device), tokenizer


@torch.no_grad()
def report_retrieval(painter: Painter, folder: Path, device: torch.device, count: int = HELD_OUT) -> dict:
    """Write R@1 of 100 on held-out pairs of both worlds to state.json."""
    model, tokenizer = load_dual_encoder(folder, device)
    images, captions = draw_pairs(painter, "validation", 0, 0, count)
    text = model.embed_text(tokenizer.batch(captions).to(device))
    image = torch.cat([model.embed_image(to_pixels(images[i:i + 50]).to(device))
                       for i in range(0, count, 50)])
    to_image, to_text = recall_at_1(text, image)
    state = checkpoint.read_state(folder)
    state["held_out_recall_at_1_of_100"] = {"text_to_image": to_image, "image_to_text": to_text}
    (folder / "state.json").write_text(json.dumps(state, indent=1) + "\n")
    return state
