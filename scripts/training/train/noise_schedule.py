"""Stable Diffusion's noise schedule: betas 0.00085 to 0.012, linear in their square roots, 1000 steps."""

import torch

TRAIN_TIMESTEPS = 1000
BETA_START, BETA_END = 0.00085, 0.012
# Deviation of the latents that are diffused. Few places say little about each other, so at deviation 1 the
# shape of an 8 x 8 image is open until late in this schedule; a gain moves its decision to early steps, where
# Stable Diffusion's 64 x 64 latents have it (Chen 2023, "On the importance of noise scheduling").
LATENT_GAIN = 2.0


def alphas_cumprod() -> torch.Tensor:
    """float64 (1000,): the share of signal power left after each step."""
    betas = torch.linspace(BETA_START**0.5, BETA_END**0.5, TRAIN_TIMESTEPS, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0)


def signal_to_noise() -> torch.Tensor:
    """float64 (1000,): power of the signal over that of the noise, for latents of deviation LATENT_GAIN."""
    signal = alphas_cumprod()
    return LATENT_GAIN**2 * signal / (1 - signal)


def unit_input() -> tuple[torch.Tensor, torch.Tensor]:
    """float32 (1000,) each: the factor that gives a noisy latent unit variance, and its unit timestep.

    The unit timestep may be a fraction: there, latents of deviation 1 have as much noise. For a network that
    gets latents times the factor, the gain is only another choice of timesteps.
    """
    signal = alphas_cumprod()
    factor = (LATENT_GAIN**2 * signal + 1 - signal).rsqrt()
    falling = (signal / (1 - signal)).log()
    wanted = signal_to_noise().log()
    right = torch.searchsorted(-falling, -wanted).clamp(1, TRAIN_TIMESTEPS - 1)
    left = right - 1
    share = (wanted - falling[left]) / (falling[right] - falling[left])
    return factor.float(), (left + share.clamp(0, 1)).float()


def min_snr_weights(gamma: float = 5.0) -> torch.Tensor:
    """float32 (1000,): loss weight of an epsilon prediction (Hang et al. 2023)."""
    ratio = signal_to_noise()
    return (ratio.clamp(max=gamma) / ratio).float()
