"""Makes ONNX files with fp16 weights compute in fp32: a Cast follows each large matrix.

Vectors stay fp32: they are small, and tables of timesteps among them need every digit.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SMALL = 512


def halve_weights(path: Path) -> None:
    """Rewrite `path` in place. onnxruntime folds the casts when it loads the file."""
    model = onnx.load(path)
    graph, kept, casts = model.graph, [], []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or len(tensor.dims) < 2 or np.prod(tensor.dims) < SMALL:
            kept.append(tensor)
            continue
        half = numpy_helper.to_array(tensor).astype(np.float16)
        kept.append(numpy_helper.from_array(half, f"{tensor.name}_fp16"))
        casts.append(helper.make_node("Cast", [f"{tensor.name}_fp16"], [tensor.name],
                                      name=f"{tensor.name}_cast", to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    # the exporter's notes on each node (source lines of this machine) do not belong to the model
    for node in nodes:
        del node.metadata_props[:]
        node.doc_string = ""
    del graph.initializer[:], graph.node[:], graph.value_info[:], graph.metadata_props[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path)
