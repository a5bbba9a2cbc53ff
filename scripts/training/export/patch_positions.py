"""Adds PixArt's positions to its patches in a form that an exporter can follow for sides that vary.

diffusers lists the positions of all patches in one row, and exporters cannot prove that this row is as long
as that of the patches. Here the sines of the columns and of the rows are added to the plane before it is a row.
The values are equal within 1e-5, since the angles are float32.
"""

import torch
from diffusers.models.embeddings import PatchEmbed
from torch import nn


class PatchPositions(nn.Module):
    """[rows, channels, height, width] to [rows, patches, width of a token]."""

    def __init__(self, embed: PatchEmbed):
        super().__init__()
        self.proj = embed.proj
        self.base, self.scale = float(embed.base_size), float(embed.interpolation_scale)
        quarter = embed.proj.out_channels // 4
        exponent = torch.arange(quarter, dtype=torch.float64) / quarter
        self.register_buffer("frequency", (1 / 10000 ** exponent).float(), persistent=False)

    def _sines(self, count: int) -> torch.Tensor:
        """Return half a token's width of sines and cosines for each place along a side."""
        place = torch.arange(count, dtype=torch.float32) * self.base / count / self.scale
        angle = self.frequency[:, None] * place[None]
        return torch.cat([angle.sin(), angle.cos()])

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        plane = self.proj(latents)
        columns = self._sines(plane.shape[3]).to(plane.dtype)[:, None, :]
        rows = self._sines(plane.shape[2]).to(plane.dtype)[:, :, None]
        half = columns.shape[0]
        # the columns come first, as in diffusers
        plane = torch.cat([plane[:, :half] + columns, plane[:, half:] + rows], dim=1)
        return plane.flatten(2).transpose(1, 2)
