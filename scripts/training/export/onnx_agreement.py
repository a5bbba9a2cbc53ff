"""Compares a written graph with the module that it was made from."""

from pathlib import Path

import numpy as np
import onnxruntime
import torch

from onnx_graph import Graph


def relative_error(graph: Graph, root: Path, rows: int, seed: int = 0) -> float:
    """Return the largest relative L2 distance of an output from PyTorch's, on inputs new to the exporter."""
    generator = torch.Generator().manual_seed(seed)
    values = {name: _other(example, rows, generator) for name, (example, _) in graph.inputs.items()}
    session = onnxruntime.InferenceSession(root / graph.path, providers=["CPUExecutionProvider"])
    got = session.run(graph.outputs, {name: value.numpy() for name, value in values.items()})
    with torch.no_grad():
        want = graph.module(*values.values())
    want = want if isinstance(want, tuple) else (want,)
    return max(_distance(g, w.numpy()) for g, w in zip(got, want, strict=True))


def _distance(got: np.ndarray, want: np.ndarray) -> float:
    got, want = got.astype(np.float64), want.astype(np.float64)
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


def _other(example: torch.Tensor, rows: int, generator: torch.Generator) -> torch.Tensor:
    if example.dim() == 0:
        return example
    shape = (rows, *example.shape[1:])
    if example.is_floating_point():
        # sizes in pixels stay what they are, latents and states are of unit size
        drawn = torch.randn(shape, generator=generator)
        return (drawn if example.dim() > 2 else drawn.abs() * 50).to(example.dtype)
    drawn = torch.randint(0, int(example.max()) + 1, shape, generator=generator)
    if int(example.min()) == 1:  # a mask, of which the first tokens count
        drawn = (torch.arange(shape[1])[None] < 3 + torch.arange(rows)[:, None])
    return drawn.to(example.dtype)
