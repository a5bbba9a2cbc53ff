"""Builds the families in their published sizes, from the values of the published config.json files.

Weights are reserved but not filled, so a model of any size takes almost no memory until they are written.
"""

from collections.abc import Callable

import torch
from accelerate import init_empty_weights
from diffusers import (AutoencoderKL, DDIMScheduler, DiffusionPipeline, DPMSolverMultistepScheduler,
                       PixArtAlphaPipeline, PixArtTransformer2DModel, PNDMScheduler, StableDiffusionPipeline,
                       UNet2DConditionModel)
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, T5Config, T5EncoderModel

from clip_vocabulary import END, MAX_LENGTH, small_clip_tokenizer
from small_pipeline import PIXART_SCHEDULE, STABLE_SCHEDULE
from t5_vocabulary import small_t5_tokenizer

# Below this a tensor is filled at once: the exporter reads small ones to fold constants.
FILLED_BYTES_MAX = 2**16

CLIP_VIT_L = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
              "num_attention_heads": 12, "hidden_act": "quick_gelu", "projection_dim": 768}
# 23 of OpenCLIP's 24 layers: the states before the last one are what the U-Net was trained on
OPEN_CLIP_VIT_H = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 23,
                   "num_attention_heads": 16, "hidden_act": "gelu", "projection_dim": 512}
T5_XXL = {"vocab_size": 32128, "d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24,
          "num_heads": 64, "relative_attention_num_buckets": 32, "relative_attention_max_distance": 128,
          "feed_forward_proj": "gated-gelu", "is_encoder_decoder": False}
UNET = {"block_out_channels": (320, 640, 1280, 1280), "layers_per_block": 2,
        "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3}
UNET_1 = {**UNET, "sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8}
UNET_2 = {**UNET, "cross_attention_dim": 1024, "attention_head_dim": [5, 10, 20, 20],
          "use_linear_projection": True, "upcast_attention": True}
VAE = {"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "latent_channels": 4,
       "down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4,
       "norm_num_groups": 32, "sample_size": 512, "scaling_factor": 0.18215}
PIXART = {"num_attention_heads": 16, "attention_head_dim": 72, "in_channels": 4, "out_channels": 8,
          "num_layers": 28, "cross_attention_dim": 1152, "patch_size": 2, "caption_channels": 4096}


def _clip(size: dict) -> CLIPTextModel:
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=49408, max_position_embeddings=MAX_LENGTH, bos_token_id=0, eos_token_id=2,
        pad_token_id=1, **size))


def _stable_diffusion(pad_token: str, text: CLIPTextModel, unet: dict, scheduler):
    return StableDiffusionPipeline(
        vae=AutoencoderKL(**VAE), text_encoder=text, tokenizer=small_clip_tokenizer(pad_token),
        unet=UNet2DConditionModel(**unet), scheduler=scheduler, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False)


def _sd15() -> StableDiffusionPipeline:
    return _stable_diffusion(END, _clip(CLIP_VIT_L), UNET_1, PNDMScheduler.from_config(STABLE_SCHEDULE))


def _sd21_base() -> StableDiffusionPipeline:
    return _stable_diffusion("!", _clip(OPEN_CLIP_VIT_H), {**UNET_2, "sample_size": 64},
                             PNDMScheduler.from_config(STABLE_SCHEDULE))


def _sd21() -> StableDiffusionPipeline:
    schedule = {**STABLE_SCHEDULE, "prediction_type": "v_prediction"}
    return _stable_diffusion("!", _clip(OPEN_CLIP_VIT_H), {**UNET_2, "sample_size": 96},
                             DDIMScheduler.from_config(schedule))


def _pixart(sample_size: int, text_layers: int = T5_XXL["num_layers"]) -> PixArtAlphaPipeline:
    return PixArtAlphaPipeline(
        tokenizer=small_t5_tokenizer(), text_encoder=T5EncoderModel(T5Config(**{**T5_XXL, "num_layers": text_layers})),
        vae=AutoencoderKL(**VAE), transformer=PixArtTransformer2DModel(**PIXART, sample_size=sample_size),
        scheduler=DPMSolverMultistepScheduler.from_config(PIXART_SCHEDULE))


FAMILIES: dict[str, Callable[[], DiffusionPipeline]] = {
    "sd15": _sd15, "sd21_base": _sd21_base, "sd21": _sd21,
    "pixart_512": lambda: _pixart(64), "pixart_1024": lambda: _pixart(128),
    # for machines whose memory is less than T5 XXL: a third of its layers, everything else as published
    "pixart_512_short_text": lambda: _pixart(64, text_layers=8)}


def reserve(make: Callable[[], DiffusionPipeline], dtype: torch.dtype) -> DiffusionPipeline:
    with init_empty_weights(include_buffers=False):
        pipeline = make()
    for part in pipeline.components.values():
        if hasattr(part, "tie_weights"):
            part.tie_weights()  # init_empty_weights unties them
        if isinstance(part, nn.Module):
            _reserve_weights(part.eval(), dtype)
    return pipeline


def _reserve_weights(part: nn.Module, dtype: torch.dtype) -> None:
    """Large tensors are reserved memory, which the system only gives when somebody writes to it."""
    known: dict[int, nn.Parameter] = {}
    for module in part.modules():
        for name, parameter in module._parameters.items():
            if parameter is None:
                continue
            if id(parameter) not in known:
                values = torch.empty(parameter.shape, dtype=dtype)
                if values.nbytes < FILLED_BYTES_MAX:
                    _fill(values, name)
                known[id(parameter)] = nn.Parameter(values, requires_grad=False)
            module._parameters[name] = known[id(parameter)]


def _fill(values: torch.Tensor, name: str) -> None:
    """Fill as an untrained model begins: gains of normalisation 1, biases 0, the rest by its width."""
    if values.dim() == 1:
        values.fill_(1.0 if name == "weight" else 0.0)
    else:
        values.normal_(std=values[0].numel() ** -0.5)
