"""Compares a regenerated set with the committed one: bytes, or values as near as another CPU comes."""

import json
import math
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from PIL import Image

from golden_file import INDEX, read_arrays

# relative L2 of an array; ten times what two batch sizes on one machine differ by
ARRAY_TOLERANCE = 1e-5
NUMBER_TOLERANCE = 1e-6
PIXEL_TOLERANCE = 2


def differences(committed: Path, made: Path) -> list[str]:
    """Return one sentence for each file that differs, none when the sets are the same."""
    names = [{path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
             for root in (committed, made)]
    found = [f"{name} is committed, but is not made any more" for name in sorted(names[0] - names[1])]
    found += [f"{name} is made, but not committed" for name in sorted(names[1] - names[0])]
    for name in sorted(names[0] & names[1]):
        first, second = committed / name, made / name
        if first.read_bytes() != second.read_bytes():
            found += [f"{name}: {reason}" for reason in _reasons(first, second)]
    return found


def _reasons(first: Path, second: Path) -> list[str]:
    match first.suffix:
        case ".json":
            contents = [json.loads(path.read_text(encoding="utf-8")) for path in (first, second)]
            return _json_reasons(*contents, "")
        case ".f32":
            return _array_reasons(first.parent, second.parent)
        case ".png":
            return _pixel_reasons(first, second)
        case ".onnx":
            return _graph_reasons(first, second)
        case ".onnx_data":
            return []  # read with its graph
        case _:
            return ["other bytes"]


def _json_reasons(first, second, path: str) -> list[str]:
    if isinstance(first, float | int) and isinstance(second, float | int):
        near = math.isclose(first, second, rel_tol=NUMBER_TOLERANCE, abs_tol=1e-12)
        return [] if near else [f"{path or '/'} is {second}, committed {first}"]
    if type(first) is not type(second):
        return [f"{path or '/'} is of another type"]
    if isinstance(first, dict) and list(first) == list(second):
        return [reason for key in first for reason in _json_reasons(first[key], second[key], f"{path}/{key}")]
    if isinstance(first, list) and len(first) == len(second):
        return [reason for i, pair in enumerate(zip(first, second))
                for reason in _json_reasons(*pair, f"{path}/{i}")]
    return [] if first == second else [f"{path or '/'} has other content"]


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the relative L2 distance."""
    if first.shape != second.shape:
        return math.inf
    return float(np.linalg.norm(first - second) / max(np.linalg.norm(first), 1e-12))


def _array_reasons(first: Path, second: Path) -> list[str]:
    committed, made = read_arrays(first), read_arrays(second)
    if list(committed) != list(made):
        return [f"other arrays than in the committed {INDEX}"]
    far = {name: distance(committed[name], made[name]) for name in committed}
    return [f"{name} differs by {value:.1e} (relative L2, at most {ARRAY_TOLERANCE})"
            for name, value in far.items() if value > ARRAY_TOLERANCE]


def _pixel_reasons(first: Path, second: Path) -> list[str]:
    images = [np.asarray(Image.open(path)).astype(int) for path in (first, second)]
    if images[0].shape != images[1].shape:
        return ["other size"]
    worst = int(np.abs(images[0] - images[1]).max())
    return [] if worst <= PIXEL_TOLERANCE else [f"a pixel differs by {worst}, at most {PIXEL_TOLERANCE}"]


def _graph_reasons(first: Path, second: Path) -> list[str]:
    models = [onnx.load(path) for path in (first, second)]
    weights = [{t.name: numpy_helper.to_array(t) for t in model.graph.initializer} for model in models]
    for model in models:
        del model.graph.initializer[:]
        model.producer_version = ""
    if models[0].SerializeToString(deterministic=True) != models[1].SerializeToString(deterministic=True):
        return ["another graph"]
    if list(weights[0]) != list(weights[1]):
        return ["other weights"]
    return [f"{name} has other values" for name in weights[0]
            if distance(weights[0][name].astype(np.float64), weights[1][name].astype(np.float64))
            > NUMBER_TOLERANCE]
