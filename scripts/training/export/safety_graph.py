"""Makes the safety checker of a Stable Diffusion package a graph with optimum's names."""

import torch
from diffusers.pipelines.stable_diffusion.safety_checker import (StableDiffusionSafetyChecker,
                                                                 cosine_distance)
from torch import nn

from onnx_graph import Graph

PATH = "safety_checker/model.onnx"
# diffusers' value, which one scene of special care adds to every score
CARE = 0.01


class _SafetyChecker(nn.Module):
    """diffusers' `forward_onnx` without writing into its input, which the exporter cannot follow."""

    def __init__(self, model: StableDiffusionSafetyChecker):
        super().__init__()
        self.model = model

    def forward(self, clip_input, images):
        model = self.model
        embeds = model.visual_projection(model.vision_model(clip_input)[1])
        special = cosine_distance(embeds, model.special_care_embeds) - model.special_care_embeds_weights
        care = torch.any(special > 0, dim=1, keepdim=True).to(embeds.dtype) * CARE
        scores = cosine_distance(embeds, model.concept_embeds) - model.concept_embeds_weights + care
        flagged = torch.any(scores > 0, dim=1)
        shown = torch.where(flagged[:, None, None, None], torch.zeros_like(images), images)
        return shown, flagged


def safety_graph(model: StableDiffusionSafetyChecker) -> Graph:
    """Images are [batch, height, width, 3] in [0, 1]; the graph only blackens those that it flags."""
    side = model.config.vision_config.image_size
    pixels = torch.randn(2, 3, side, side, dtype=model.dtype)
    images = torch.rand(2, 6, 4, 3, dtype=model.dtype)
    return Graph(PATH, _SafetyChecker(model),
                 {"clip_input": (pixels, {0: "batch"}),
                  "images": (images, {0: "batch", 1: "height", 2: "width"})},
                 ["out_images", "has_nsfw_concepts"])
