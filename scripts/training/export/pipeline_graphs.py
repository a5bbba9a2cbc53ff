"""Lists the graphs of a diffusers pipeline, and the names of their inputs and outputs.

Names are optimum's. It has none for PixArt's transformer, whose inputs have the names of diffusers' arguments,
and whose output has optimum's name for other transformers.
"""

import copy
from dataclasses import dataclass

import torch
from diffusers import DiffusionPipeline, PixArtAlphaPipeline, StableDiffusionPipeline
from torch import nn

from onnx_graph import Graph
from patch_positions import PatchPositions
from safety_graph import safety_graph


@dataclass(frozen=True)
class Shape:
    """Differences between the exports found in the wild, except for the weights' type."""

    ids: torch.dtype = torch.int64
    scalar_timestep: bool = False
    # optimum has int64, which cannot hold the fractions that Euler's and Heun's schedulers ask for
    timestep: torch.dtype = torch.float32
    pooler_output: bool = True
    hidden_states: bool = False


class _ClipText(nn.Module):
    def __init__(self, model: nn.Module, shape: Shape):
        super().__init__()
        self.model, self.shape = model, shape

    def forward(self, input_ids):
        result = self.model(input_ids, output_hidden_states=self.shape.hidden_states)
        pooled = [result.pooler_output] if self.shape.pooler_output else []
        layers = result.hidden_states if self.shape.hidden_states else []
        return (result.last_hidden_state, *pooled, *layers)


class _T5Text(nn.Module):
    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask):
        return self.model(input_ids, attention_mask=attention_mask).last_hidden_state


class _Unet(nn.Module):
    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, sample, timestep, encoder_hidden_states):
        return self.model(sample, timestep, encoder_hidden_states, return_dict=False)[0]


class _Transformer(nn.Module):
    """Shares the weights of its model, which stays unchanged."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = copy.copy(model)
        self.model._modules = {**model._modules, "pos_embed": PatchPositions(model.pos_embed)}

    def forward(self, hidden_states, encoder_hidden_states, timestep, encoder_attention_mask,
                resolution=None, aspect_ratio=None):
        return self.model(
            hidden_states, encoder_hidden_states=encoder_hidden_states, timestep=timestep,
            encoder_attention_mask=encoder_attention_mask,
            added_cond_kwargs={"resolution": resolution, "aspect_ratio": aspect_ratio},
            return_dict=False)[0]


class _VaeDecoder(nn.Module):
    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, latent_sample):
        return self.model.decode(latent_sample, return_dict=False)[0]


def graphs_of(pipeline: DiffusionPipeline, shape: Shape = Shape()) -> dict[str, Graph]:
    """Return by folder: text encoder, denoiser, VAE decoder, and the safety checker if there is one.

    @raise TypeError for another pipeline class
    """
    if isinstance(pipeline, StableDiffusionPipeline):
        checker = pipeline.safety_checker
        return {"text_encoder": _clip_graph(pipeline, shape), "unet": _unet_graph(pipeline, shape),
                "vae_decoder": _vae_graph(pipeline),
                **({"safety_checker": safety_graph(checker)} if checker else {})}
    if isinstance(pipeline, PixArtAlphaPipeline):
        return {"text_encoder": _t5_graph(pipeline, shape),
                "transformer": _transformer_graph(pipeline, shape),
                "vae_decoder": _vae_graph(pipeline)}
    raise TypeError("The pipeline must be StableDiffusionPipeline or PixArtAlphaPipeline, "
                    f"given {type(pipeline).__name__}.")


def _ids(rows: int, length: int, dtype: torch.dtype) -> torch.Tensor:
    """Make example ids without [EOS], since no graph may depend on its place."""
    return torch.arange(rows * length).reshape(rows, length).remainder(11).to(dtype)


def _clip_graph(pipeline: StableDiffusionPipeline, shape: Shape) -> Graph:
    config = pipeline.text_encoder.config
    outputs = ["last_hidden_state"] + (["pooler_output"] if shape.pooler_output else [])
    if shape.hidden_states:
        outputs += [f"hidden_states.{i}" for i in range(config.num_hidden_layers + 1)]
    ids = _ids(2, config.max_position_embeddings, shape.ids)
    return Graph("text_encoder/model.onnx", _ClipText(pipeline.text_encoder, shape),
                 {"input_ids": (ids, {0: "batch"})}, outputs)


def _t5_graph(pipeline: PixArtAlphaPipeline, shape: Shape) -> Graph:
    # T5 has no length of its own, so the graph leaves it open
    ids, axes = _ids(2, 26, shape.ids), {0: "batch", 1: "sequence"}
    return Graph("text_encoder/model.onnx", _T5Text(pipeline.text_encoder),
                 {"input_ids": (ids, axes), "attention_mask": (torch.ones_like(ids), axes)},
                 ["last_hidden_state"])


def _timestep(shape: Shape) -> tuple[torch.Tensor, dict]:
    if shape.scalar_timestep:
        return torch.tensor(999, dtype=shape.timestep), {}
    return torch.tensor([10, 999], dtype=shape.timestep), {0: "batch"}


def _unet_graph(pipeline: StableDiffusionPipeline, shape: Shape) -> Graph:
    unet = pipeline.unet
    halvings = 2 ** (len(unet.config.block_out_channels) - 1)
    side = {axis: halvings * torch.export.Dim(name, min=1, max=1024 // halvings)
            for axis, name in ((2, "low_height"), (3, "low_width"))}
    # the image is tall, so that swapped sides show
    sample = torch.randn(2, unet.config.in_channels, 6 * halvings, 4 * halvings, dtype=unet.dtype)
    states = torch.randn(2, pipeline.text_encoder.config.max_position_embeddings,
                         unet.config.cross_attention_dim, dtype=unet.dtype)
    return Graph("unet/model.onnx", _Unet(unet),
                 {"sample": (sample, {0: "batch", **side}), "timestep": _timestep(shape),
                  "encoder_hidden_states": (states, {0: "batch"})}, ["out_sample"])


def _transformer_graph(pipeline: PixArtAlphaPipeline, shape: Shape) -> Graph:
    model = pipeline.transformer
    patch = model.config.patch_size
    side = {axis: patch * torch.export.Dim(name, min=2, max=1024 // patch)
            for axis, name in ((2, "patch_rows"), (3, "patch_columns"))}
    sample = torch.randn(2, model.config.in_channels, 6 * patch, 4 * patch, dtype=model.dtype)
    states = torch.randn(2, 26, model.config.caption_channels, dtype=model.dtype)
    mask = torch.ones(2, 26, dtype=shape.ids)
    inputs = {"hidden_states": (sample, {0: "batch", **side}),
              "encoder_hidden_states": (states, {0: "batch", 1: "sequence"}),
              "timestep": _timestep(shape), "encoder_attention_mask": (mask, {0: "batch", 1: "sequence"})}
    if model.use_additional_conditions:
        inputs["resolution"] = (torch.tensor([[48.0, 32.0]] * 2).to(model.dtype), {0: "batch"})
        inputs["aspect_ratio"] = (torch.tensor([[1.5]] * 2).to(model.dtype), {0: "batch"})
    return Graph("transformer/model.onnx", _Transformer(model), inputs, ["out_hidden_states"])


def _vae_graph(pipeline: DiffusionPipeline) -> Graph:
    vae = pipeline.vae
    latents = torch.randn(2, vae.config.latent_channels, 6, 4, dtype=vae.dtype)
    return Graph("vae_decoder/model.onnx", _VaeDecoder(vae),
                 {"latent_sample": (latents, {0: "batch", 2: "height", 3: "width"})}, ["sample"])
