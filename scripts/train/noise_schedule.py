"""Stable Diffusion's noise schedule: betas 0.00085 to 0.012, linear in their square roots, 1000 steps."""

import torch

TRAIN_TIMESTEPS = 1000
BETA_START, BETA_END = 0.00085, 0.012


def alphas_cumprod() -> torch.Tensor:
    """float64 (1000,): the share of signal power left after each step."""
    betas = torch.linspace(BETA_START**0.5, BETA_END**0.5, TRAIN_TIMESTEPS, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0)


def min_snr_weights(gamma: float = 5.0) -> torch.Tensor:
    """float32 (1000,): loss weight of an epsilon prediction (Hang et al. 2023)."""
    signal = alphas_cumprod()
    ratio = signal / (1 - signal)
    return (ratio.clamp(max=gamma) / ratio).float()
