"""Stage 3 trains the denoiser, on latents of the growing world."""

from pathlib import Path

import torch

import checkpoint
from dual_encoder import DualEncoder
from latent_pool import CHUNKS, LatentPool
from noise_schedule import TRAIN_TIMESTEPS, alphas_cumprod, min_snr_weights
from text_stage import load_dual_encoder
from tokenizer import Tokenizer
from trainer import Plan, Trainer
from unet import UNet
from vae_stage import load_vae

PLAN = Plan(steps=15_000, batch=64, learning_rate=1e-3, betas=(0.9, 0.99), weight_decay=0.01,
            ema_decay=0.999, checkpoint_every=500, seed=13, cooldown=0.35)
EMPTY_SHARE = 0.1


@torch.no_grad()
def encode_prompts(text: DualEncoder, tokenizer: Tokenizer, prompts: list[str],
                   device: torch.device) -> torch.Tensor:
    """Return text states (len(prompts), 32, 192)."""
    return text.text(tokenizer.batch(prompts).to(device))[0]


def denoising_losses(model: UNet, latents: torch.Tensor, states: torch.Tensor, empty: torch.Tensor,
                     generator: torch.Generator, signal: torch.Tensor, weights: torch.Tensor,
                     precision: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """Return the weighted squared error of the predicted noise; `empty` (1, L, D) replaces 10 % of the prompts.

    With bfloat16 the U-Net's products run in it, under autocast; weights and error stay float32.
    """
    size, device = len(latents), latents.device
    options = {"generator": generator, "device": device}
    dropped = torch.rand(size, **options) < EMPTY_SHARE
    states = torch.where(dropped[:, None, None], empty, states)
    # one timestep from each of `size` equal strata: less noise in the loss than free draws
    strata = torch.arange(size, device=device) + torch.rand(size, **options)
    timestep = (strata * TRAIN_TIMESTEPS / size).long().clamp(max=TRAIN_TIMESTEPS - 1)
    noise = torch.randn(latents.shape, **options)
    power = signal[timestep][:, None, None, None]
    noisy = power.sqrt() * latents + (1 - power).sqrt() * noise
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == torch.bfloat16):
        predicted = model(noisy, timestep, states)
    error = (predicted.float() - noise).square().mean((1, 2, 3))
    return {"loss": (error * weights[timestep]).mean(), "mse": error.mean()}


def train_unet(sprite_file: Path, checkpoints: Path, plan: Plan, device: torch.device,
               workers: int = 0, pool_chunks: int = CHUNKS,
               precision: torch.dtype = torch.float32, compiled: bool = False) -> None:
    """Train to the end of the plan or until asked to stop; resumes from `checkpoints`/unet."""
    torch.manual_seed(plan.seed)
    trainer = Trainer(UNet(), plan, checkpoints / "unet", device,
                      {"pool_chunks": pool_chunks})
    if trainer.finished:
        return
    if compiled:
        trainer.model.compile()
    vae, scale = load_vae(checkpoints / "vae", device)
    text, tokenizer = load_dual_encoder(checkpoints / "text", device)
    empty = encode_prompts(text, tokenizer, [""], device)
    signal, weights = alphas_cumprod().float().to(device), min_snr_weights().to(device)
    pool = LatentPool(sprite_file, vae, scale, text, tokenizer, plan.seed, device, workers,
                      pool_chunks)

    def losses_at(step: int, generator: torch.Generator):
        pool.advance_to(step * plan.batch)
        latents, states = pool.batch(plan.batch, generator)
        return denoising_losses(trainer.model, latents, states, empty, generator, signal, weights,
                                precision)

    try:
        trainer.run(losses_at)
    finally:
        pool.close()


def load_unet(folder: Path, device: torch.device) -> UNet:
    """Return the averaged denoiser."""
    return checkpoint.load_ema(folder, UNet()).to(device)
