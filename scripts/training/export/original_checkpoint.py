"""Writes a Stable Diffusion 1.x pipeline as one file with the original code's names, as often shared.

Only tests use it: diffusers reads such files, but does not write them.
"""

import re
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file

TOP = {"time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
       "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2"}
RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1",
          "norm2": "out_layers.0", "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}
VAE = [(r"down_blocks\.(\d+)\.resnets", r"down.\1.block"), (r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample"),
       (r"mid_block\.attentions\.0\.group_norm", "mid.attn_1.norm"), (r"mid_block\.attentions\.0\.to_out\.0", "mid.attn_1.proj_out"),
       (r"mid_block\.attentions\.0\.to_([qkv])", r"mid.attn_1.\1"), ("conv_norm_out", "norm_out"), ("conv_shortcut", "nin_shortcut")]


def write_original(pipeline: StableDiffusionPipeline, file: Path) -> None:
    unet, vae, text = pipeline.unet, pipeline.vae, pipeline.text_encoder
    attention_above = ["attentions" in dict(block.named_children()) for block in unet.up_blocks]
    weights = {f"model.diffusion_model.{_unet_name(name, unet.config.layers_per_block, attention_above)}": value
               for name, value in unet.state_dict().items()}
    for name, value in vae.state_dict().items():
        # attention is a convolution of one pixel in these files
        flat = "mid_block.attentions" in name and value.dim() == 2
        weights[f"first_stage_model.{_vae_name(name, len(vae.config.up_block_types))}"] = (
            value[:, :, None, None] if flat else value)
    for name, value in text.state_dict().items():
        weights[f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"] = value
    save_file({name: value.clone().contiguous() for name, value in weights.items()}, file)


def _unet_name(name: str, layers: int, attention_above: list[bool]) -> str:
    """Levels and layers form one row of blocks there; in each block attention follows the ResNet."""
    match name.split("."):
        case ["down_blocks", level, kind, layer, *rest]:
            row = int(level) * (layers + 1) + 1
            if kind == "downsamplers":
                return f"input_blocks.{row + layers}.0.op.{rest[1]}"
            return f"input_blocks.{row + int(layer)}.{_part_name(kind, rest)}"
        case ["mid_block", "resnets", layer, *rest]:
            return f"middle_block.{2 * int(layer)}.{_part_name('resnets', rest)[2:]}"
        case ["mid_block", "attentions", _, *rest]:
            return ".".join(["middle_block.1", *rest])
        case ["up_blocks", level, kind, layer, *rest]:
            row = int(level) * (layers + 1)
            if kind == "upsamplers":
                return f"output_blocks.{row + layers}.{1 + attention_above[int(level)]}.conv.{rest[1]}"
            return f"output_blocks.{row + int(layer)}.{_part_name(kind, rest)}"
    part, leaf = name.rsplit(".", 1)
    return f"{TOP[part]}.{leaf}"


def _part_name(kind: str, rest: list[str]) -> str:
    return ".".join(["1", *rest] if kind == "attentions" else ["0", RESNET[rest[0]], *rest[1:]])


def _vae_name(name: str, levels: int) -> str:
    for pattern, original in VAE:
        name = re.sub(pattern, original, name)
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    # the decoder's levels are counted from the outside
    return re.sub(r"up_blocks\.(\d+)\.(?:resnets|(upsample)rs\.0)",
                  lambda m: f"up.{levels - 1 - int(m[1])}.{m[2] or 'block'}", name)
