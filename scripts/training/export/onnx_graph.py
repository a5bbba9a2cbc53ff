"""Writes one ONNX file from one PyTorch module: optimum's names, weights inside or beside it."""

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx_ir
import torch
from torch import nn

# 18 is the least that torch's exporter writes without converting, and onnxruntime reads it since 1.14
OPSET = 18
# protobuf refuses messages of 2 GiB, and the graph itself needs a little of that
INLINE_BYTES_MAX = 2**31 - 2**24
# diffusers' upsampling takes another branch from 64 rows on, to the same result
ROWS_MAX, SIDE_MAX = 63, 4096
DATA_SUFFIX = "_data"


@dataclass(frozen=True)
class Graph:
    """`inputs` are examples; each axis that may vary has a name or a torch.export.Dim."""

    path: str
    module: nn.Module
    inputs: dict[str, tuple[torch.Tensor, dict]]
    outputs: list[str]

    def to_ir(self) -> onnx_ir.Model:
        """Weights stay the module's own tensors: nothing is copied before the file is written."""
        # one object per name makes sides of equal name equal to the exporter, too
        dims = {dim: torch.export.Dim(dim, max=ROWS_MAX if dim == "batch" else SIDE_MAX)
                for _, axes in self.inputs.values() for dim in axes.values() if isinstance(dim, str)}
        shapes = tuple({axis: dims.get(dim, dim) for axis, dim in axes.items()}
                       for _, axes in self.inputs.values())
        with _quiet():
            # tracing happens here, since torch.onnx.export itself turns every guess about a side into an
            # assertion, and then fails on those that it cannot prove
            traced = torch.export.export(
                # gradients would make attention choose another way, which ONNX cannot follow
                self.module.eval().requires_grad_(False), tuple(value for value, _ in self.inputs.values()),
                dynamic_shapes=shapes, strict=False)
            _drop_idle_squeezes(traced)
            program = torch.onnx.export(
                traced, input_names=list(self.inputs), output_names=self.outputs,
                opset_version=OPSET, dynamo=True, verbose=False)
        program.rename_axes(self._names_of_sides(program.model))
        _forget_origins(program.model)
        return program.model

    def _names_of_sides(self, model: onnx_ir.Model) -> dict[str, str]:
        """Rename the tracer's `s47` to the names asked for, in `2*s63` too."""
        names = {}
        for value, (_, axes) in zip(model.graph.inputs, self.inputs.values()):
            for axis, dim in axes.items():
                wanted = dim if isinstance(dim, str) else dim.__name__
                symbol = re.search(r"s\d+", str(value.shape[axis]))
                if symbol:
                    names[symbol[0]] = wanted.split("*")[-1]
        return names

    def write(self, root: Path, external: bool = False) -> None:
        """Weights go to `model.onnx_data` if asked for, or if the file would be too large without."""
        model = self.to_ir()
        target = root / self.path
        target.parent.mkdir(parents=True, exist_ok=True)
        size = sum(value.const_value.nbytes for value in model.graph.initializers.values())
        if external or size > INLINE_BYTES_MAX:
            onnx_ir.save(model, target, external_data=target.name + DATA_SUFFIX)
        else:
            onnx_ir.save(model, target)


def _drop_idle_squeezes(traced: torch.export.ExportedProgram) -> None:
    """PyTorch ignores a squeeze of a side that is not 1, but ONNX fails on it. PixArt has one."""
    graph = traced.graph_module.graph
    for node in list(graph.nodes):
        if node.target is torch.ops.aten.squeeze.dim:
            source = node.args[0]
            if node.meta["val"].dim() == source.meta["val"].dim():
                node.replace_all_uses_with(source)
                graph.erase_node(node)
    traced.graph_module.recompile()


def _forget_origins(model: onnx_ir.Model) -> None:
    """The exporter notes each node's place in the source files, which takes most of a small file."""
    for node in model.graph.all_nodes():
        node.metadata_props.clear()
        node.doc_string = None
        for value in node.outputs:
            value.metadata_props.clear()
    for value in [*model.graph.inputs, *model.graph.initializers.values()]:
        value.metadata_props.clear()
    model.graph.metadata_props.clear()
    model.metadata_props.clear()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter talks on stdout and warns of its own deprecations; errors still come as exceptions."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
