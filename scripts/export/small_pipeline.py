"""The model families as diffusers builds them, with narrow layers and random weights from a seed."""

from collections.abc import Callable

import torch
from diffusers import (AutoencoderKL, DDIMScheduler, DiffusionPipeline, DPMSolverMultistepScheduler,
                       PixArtAlphaPipeline, PixArtTransformer2DModel, PNDMScheduler, StableDiffusionPipeline,
                       UNet2DConditionModel)
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

from clip_vocabulary import END, MAX_LENGTH, small_clip_tokenizer

TEXT_WIDTH = 16
# The published scheduler_config.json of Stable Diffusion 1.x; clip_sample is there for DDIM.
STABLE_SCHEDULE = {
    "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012,
    "beta_schedule": "scaled_linear", "trained_betas": None, "skip_prk_steps": True,
    "set_alpha_to_one": False, "steps_offset": 1, "clip_sample": False}


def _autoencoder() -> AutoencoderKL:
    """Four levels, so that a latent is 8x8 pixels as in the real ones."""
    return AutoencoderKL(
        block_out_channels=(4, 8, 8, 8), layers_per_block=1, norm_num_groups=2, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        sample_size=64, scaling_factor=0.18215)


def _clip_text(vocab_size: int, activation: str) -> CLIPTextModel:
    # CLIP's configs name ids that its tokenizer does not use, and 2 makes [EOS] the greatest id
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=vocab_size, hidden_size=TEXT_WIDTH, intermediate_size=2 * TEXT_WIDTH,
        num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=MAX_LENGTH,
        hidden_act=activation, projection_dim=TEXT_WIDTH, bos_token_id=0, eos_token_id=2, pad_token_id=1))


def _unet(**family) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4,
        cross_attention_dim=TEXT_WIDTH, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), **family)


def _stable_diffusion(tokenizer, text_encoder, unet, scheduler) -> StableDiffusionPipeline:
    return StableDiffusionPipeline(
        vae=_autoencoder(), text_encoder=text_encoder, tokenizer=tokenizer, unet=unet,
        scheduler=scheduler, safety_checker=None, feature_extractor=None,
        requires_safety_checker=False)


def sd1() -> StableDiffusionPipeline:
    """Stable Diffusion 1.x: CLIP ViT-L's text tower, one number of heads for all levels."""
    tokenizer = small_clip_tokenizer(pad_token=END)
    return _stable_diffusion(
        tokenizer, _clip_text(len(tokenizer), "quick_gelu"), _unet(attention_head_dim=2),
        PNDMScheduler.from_config(STABLE_SCHEDULE))


FAMILIES: dict[str, Callable[[], DiffusionPipeline]] = {"sd1": sd1}


def build(family: str) -> DiffusionPipeline:
    """The same pipeline for the same name, whatever was drawn before."""
    torch.manual_seed(sum(family.encode()))
    pipeline = FAMILIES[family]()
    pipeline.set_progress_bar_config(disable=True)
    for part in pipeline.components.values():
        if isinstance(part, nn.Module):
            part.eval().requires_grad_(False)
    _raise_voice(pipeline)
    return pipeline


def _raise_voice(pipeline: DiffusionPipeline) -> None:
    """Outputs of about unit size, as a trained denoiser has: or the text would not show in the latents."""
    pipeline.unet.conv_out.weight.mul_(3)
