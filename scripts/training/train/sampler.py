"""Runs DDIM with classifier-free guidance and a text-free tail, for looking at checkpoints."""

from pathlib import Path

import torch

from dual_encoder import DualEncoder
from noise_schedule import TRAIN_TIMESTEPS, alphas_cumprod
from text_stage import load_dual_encoder
from tokenizer import Tokenizer
from unet import UNet
from unet_stage import encode_prompts, load_unet
from vae import LATENT_CHANNELS, Autoencoder, LatentScale
from vae_stage import load_vae


class Pipeline:
    """The trained parts together. `draw` gives pixels about [-1, 1]."""

    def __init__(self, checkpoints: Path, device: torch.device):
        self.device = device
        self.vae: Autoencoder
        self.scale: LatentScale
        self.text: DualEncoder
        self.tokenizer: Tokenizer
        self.vae, self.scale = load_vae(checkpoints / "vae", device)
        self.text, self.tokenizer = load_dual_encoder(checkpoints / "text", device)
        self.unet: UNet = load_unet(checkpoints / "unet", device)

    def encode(self, prompts: list[str]) -> torch.Tensor:
        return encode_prompts(self.text, self.tokenizer, prompts, self.device)

    @torch.no_grad()
    def denoise(self, states: torch.Tensor, seeds: list[int], steps: int = 50,
                guidance_scale: float = 5.0, guided: range | None = None) -> torch.Tensor:
        """Return latents (B, 12, 8, 8) for text states (B, L, D); steps outside `guided` use only the empty prompt."""
        guided = range(steps) if guided is None else guided
        shape = (LATENT_CHANNELS, 8, 8)
        x = torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(s)) for s in seeds])
        x = x.to(self.device)
        empty = self.encode([""]).expand(len(x), -1, -1)
        signal = alphas_cumprod().float().to(self.device)
        stride = TRAIN_TIMESTEPS // steps
        timesteps = [i * stride + 1 for i in reversed(range(steps))]
        for number, timestep in enumerate(timesteps):
            noise = self._predict(x, timestep, states, empty, guidance_scale, number in guided)
            now = signal[timestep]
            after = signal[timestep - stride] if timestep >= stride else signal[0]
            clean = (x - (1 - now).sqrt() * noise) / now.sqrt()
            x = after.sqrt() * clean + (1 - after).sqrt() * noise
        return x

    def _predict(self, x, timestep: int, states, empty, guidance_scale: float, guided: bool):
        times = torch.full((len(x),), timestep, device=self.device)
        if not guided:
            return self.unet(x, times, empty)
        both = self.unet(torch.cat([x, x]), torch.cat([times, times]), torch.cat([empty, states]))
        unconditional, conditional = both.chunk(2)
        return unconditional + guidance_scale * (conditional - unconditional)

    @torch.no_grad()
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        return self.vae.decoder(self.scale.restore(latents)).clamp(-1, 1)

    def draw(self, prompts: list[str], seeds: list[int], batch: int = 32, **options) -> torch.Tensor:
        """Return pixels (len(prompts), 3, 128, 128), one per prompt and seed."""
        parts = []
        for start in range(0, len(prompts), batch):
            part = slice(start, start + batch)
            parts.append(self.decode(self.denoise(self.encode(prompts[part]), seeds[part], **options)))
        return torch.cat(parts)
