"""Writes a graph whose large weights are drawn one at a time, and are never in memory together."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir

from full_size_pipeline import FILLED_BYTES_MAX
from onnx_graph import DATA_SUFFIX, Graph

CHUNK = 2**22
# onnxruntime maps the file into memory where offsets allow it
ALIGNMENT = 4096


def write_with_random_weights(graph: Graph, root: Path, advance: Callable[[int], None] = lambda _: None,
                              ) -> int:
    """@param advance receives the number of bytes as they are written. @return bytes of weights"""
    model = graph.to_ir()
    target = root / graph.path
    target.parent.mkdir(parents=True, exist_ok=True)
    data = target.name + DATA_SUFFIX
    # the graph fixes the seed, so that writing it again gives the same file
    random = np.random.default_rng(sum(graph.path.encode()))
    with (target.parent / data).open("wb") as file:
        for value in model.graph.initializers.values():
            tensor = value.const_value
            if tensor.nbytes < FILLED_BYTES_MAX:
                continue
            file.write(b"\0" * (-file.tell() % ALIGNMENT))
            offset = file.tell()
            for chunk in _normal(random, tuple(tensor.shape), tensor.dtype.numpy()):
                file.write(chunk.tobytes())
                advance(chunk.nbytes)
            value.const_value = onnx_ir.ExternalTensor(
                data, offset, file.tell() - offset, tensor.dtype, shape=tensor.shape, name=value.name,
                base_dir=target.parent)
        total = file.tell()
    onnx_ir.save(model, target)
    return total


def large_bytes(graph: Graph) -> int:
    return sum(p.nbytes for p in graph.module.parameters() if p.nbytes >= FILLED_BYTES_MAX)


def _normal(random: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype):
    """Draw weights that keep a layer's output at about the size of its input."""
    scale = np.float32(int(np.prod(shape[1:])) ** -0.5)
    left = int(np.prod(shape))
    while left > 0:
        count = min(left, CHUNK)
        yield (random.standard_normal(count, dtype=np.float32) * scale).astype(dtype)
        left -= count
