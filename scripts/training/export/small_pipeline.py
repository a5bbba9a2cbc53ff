"""Builds the model families with diffusers, with narrow layers and random weights from a seed."""

from collections.abc import Callable

import torch
from diffusers import (AutoencoderKL, DDIMScheduler, DiffusionPipeline, DPMSolverMultistepScheduler,
                       PixArtAlphaPipeline, PixArtTransformer2DModel, PNDMScheduler, StableDiffusionPipeline,
                       UNet2DConditionModel)
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

from clip_vocabulary import END, MAX_LENGTH, small_clip_tokenizer
from t5_vocabulary import small_t5_tokenizer

TEXT_WIDTH = 16
# The published scheduler_config.json of Stable Diffusion 1.x; clip_sample is there for DDIM.
STABLE_SCHEDULE = {
    "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012,
    "beta_schedule": "scaled_linear", "trained_betas": None, "skip_prk_steps": True,
    "set_alpha_to_one": False, "steps_offset": 1, "clip_sample": False}
# The published one of PixArt-alpha, and clip_sample for DDIM: clipped, the wild x0 of a random denoiser would
# make the last bits of a step decide the picture.
PIXART_SCHEDULE = {
    "num_train_timesteps": 1000, "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "linear",
    "trained_betas": None, "solver_order": 2, "prediction_type": "epsilon", "thresholding": False,
    "dynamic_thresholding_ratio": 0.995, "sample_max_value": 1.0, "algorithm_type": "dpmsolver++",
    "solver_type": "midpoint", "lower_order_final": True, "use_karras_sigmas": False,
    "variance_type": None, "timestep_spacing": "linspace", "steps_offset": 0,
    "clip_sample": False}


def _autoencoder() -> AutoencoderKL:
    """Use four levels, so that a latent is 8x8 pixels as in the real models."""
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


def _stable_diffusion_2(scheduler) -> StableDiffusionPipeline:
    """OpenCLIP ViT-H's text tower, whose last layer is left out of the checkpoint; heads by level."""
    # the padding is a word of the vocabulary, with id 0
    tokenizer = small_clip_tokenizer(pad_token="!")
    return _stable_diffusion(
        tokenizer, _clip_text(len(tokenizer), "gelu"),
        _unet(attention_head_dim=[2, 4], use_linear_projection=True), scheduler)


def sd2_base() -> StableDiffusionPipeline:
    """Stable Diffusion 2.1-base, 512x512: the noise is predicted."""
    return _stable_diffusion_2(PNDMScheduler.from_config(STABLE_SCHEDULE))


def sd2_v() -> StableDiffusionPipeline:
    """Stable Diffusion 2.1, 768x768: the velocity is predicted."""
    return _stable_diffusion_2(DDIMScheduler.from_config(
        {**STABLE_SCHEDULE, "prediction_type": "v_prediction"}))


def _pixart(sample_size: int) -> PixArtAlphaPipeline:
    """The output has twice as many channels as the input: the second half is the variance.

    A sample_size of 128, the 1024x1024 model's, makes diffusers feed height, width and aspect ratio too.
    """
    tokenizer = small_t5_tokenizer()
    text = T5EncoderModel(T5Config(
        vocab_size=len(tokenizer), d_model=TEXT_WIDTH, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
        feed_forward_proj="gated-gelu", is_encoder_decoder=False))
    transformer = PixArtTransformer2DModel(
        num_attention_heads=2, attention_head_dim=12, in_channels=4, out_channels=8, num_layers=2,
        cross_attention_dim=24, sample_size=sample_size, patch_size=2, caption_channels=TEXT_WIDTH)
    return PixArtAlphaPipeline(
        tokenizer=tokenizer, text_encoder=text, vae=_autoencoder(), transformer=transformer,
        scheduler=DPMSolverMultistepScheduler.from_config(PIXART_SCHEDULE))


def pixart() -> PixArtAlphaPipeline:
    """PixArt-alpha without conditions on the size, like its 512x512 model."""
    return _pixart(64)


def pixart_sizes() -> PixArtAlphaPipeline:
    """PixArt-alpha with conditions on the size, like its 1024x1024 model."""
    return _pixart(128)


FAMILIES: dict[str, Callable[[], DiffusionPipeline]] = {
    "sd1": sd1, "sd2_base": sd2_base, "sd2_v": sd2_v, "pixart": pixart, "pixart_sizes": pixart_sizes}


def build(family: str) -> DiffusionPipeline:
    """Return the same pipeline for the same name, whatever was drawn before."""
    torch.manual_seed(sum(family.encode()))
    pipeline = FAMILIES[family]()
    pipeline.set_progress_bar_config(disable=True)
    for part in pipeline.components.values():
        if isinstance(part, nn.Module):
            part.eval().requires_grad_(False)
    _raise_voice(pipeline)
    return pipeline


def _raise_voice(pipeline: DiffusionPipeline) -> None:
    """Scale outputs to about unit size, as a trained denoiser has, so that the text shows in the latents."""
    if isinstance(pipeline, PixArtAlphaPipeline):
        for block in pipeline.transformer.transformer_blocks:
            block.attn2.to_out[0].weight.mul_(8)
    else:
        pipeline.unet.conv_out.weight.mul_(3)
