"""Stage 1 trains the autoencoder, on scenes of both worlds."""

import json
from pathlib import Path

import numpy as np
import torch

import checkpoint
from contact_sheet import save_grid
from curriculum import NARROW, WIDE
from noise_schedule import LATENT_GAIN
from scene import Painter
from trainer import Plan, Trainer
from vae import Autoencoder, LatentScale, autoencoder_losses

PLAN = Plan(steps=8000, batch=16, learning_rate=8e-4, betas=(0.9, 0.98), weight_decay=1e-4,
            ema_decay=0.998, checkpoint_every=500, seed=11)
# scenes that the finished stage is measured on
HELD_OUT = 512


def to_pixels(images: np.ndarray) -> torch.Tensor:
    """uint8 (N, H, W, 3) -> float32 (N, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_images(pixels: torch.Tensor) -> np.ndarray:
    """Invert to_pixels, with clamping."""
    return ((pixels.permute(0, 2, 3, 1) + 1) * 127.5).round().clamp(0, 255).byte().cpu().numpy()


def draw_mixed(painter: Painter, split: str, seed: int, start: int, count: int) -> np.ndarray:
    """Draw `count` images, from the narrow and the wide world in turn."""
    worlds = (NARROW, WIDE)
    return np.stack([painter.draw(worlds[i % 2], split, seed, i).image
                     for i in range(start, start + count)])


def train_vae(painter: Painter, folder: Path, plan: Plan, device: torch.device,
              held_out: int = HELD_OUT, precision: torch.dtype = torch.float32) -> None:
    """Train to the end of the plan, then note latent statistics and held-out quality in state.json.

    `precision` as for the denoiser.
    """
    torch.manual_seed(plan.seed)
    trainer = Trainer(Autoencoder().to(memory_format=torch.channels_last), plan, folder, device)

    def losses_at(step: int, generator: torch.Generator):
        images = draw_mixed(painter, "train", plan.seed, step * plan.batch, plan.batch)
        pixels = to_pixels(images).to(device, memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == torch.bfloat16):
            return autoencoder_losses(trainer.model, pixels, generator)

    if not trainer.finished:
        trainer.run(losses_at)
    if trainer.finished:
        report_quality(painter, folder, device, held_out)


@torch.no_grad()
def report_quality(painter: Painter, folder: Path, device: torch.device, count: int = HELD_OUT) -> dict:
    """Write PSNR on held-out scenes and the latents' statistics to state.json."""
    model = checkpoint.load_ema(folder, Autoencoder()).to(device)
    images = draw_mixed(painter, "validation", 0, 0, count)
    raw, errors, restored = [], [], []
    for start in range(0, count, 32):
        pixels = to_pixels(images[start:start + 32]).to(device)
        mean, _ = model.encoder(pixels)
        decoded = model.decoder(mean).clamp(-1, 1)
        raw.append(mean)
        restored.append(decoded)
        errors.append((decoded - pixels).square().mean((1, 2, 3)) / 4)
    latents = torch.cat(raw)
    psnr = (-10 * torch.cat(errors).log10()).mean().item()
    state = checkpoint.read_state(folder)
    state["latent_mean"] = latents.mean((0, 2, 3)).tolist()
    state["latent_deviation"] = latents.std((0, 2, 3)).tolist()
    state["held_out_psnr_db"] = round(psnr, 2)
    (folder / "state.json").write_text(json.dumps(state, indent=1) + "\n")
    pairs = np.concatenate([images[:24], to_images(torch.cat(restored)[:24])], axis=2)
    save_grid(pairs, 6, folder.parent.parent / "pictures" / "vae_reconstructions.png")
    return state


def load_vae(folder: Path, device: torch.device) -> tuple[Autoencoder, LatentScale]:
    """Return the trained autoencoder and the scale of its latents."""
    state = checkpoint.read_state(folder)
    if state is None or "latent_mean" not in state:
        raise FileNotFoundError(f"stage vae must be finished first: no latent statistics in {folder}")
    model = checkpoint.load_ema(folder, Autoencoder()).to(device)
    return model, LatentScale(state["latent_mean"], state["latent_deviation"], LATENT_GAIN).to(device)
