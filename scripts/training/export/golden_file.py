"""Writes recorded values: `goldens.json` for people, and `goldens.f32` with all arrays in one row.

An array in the JSON is `{"offset", "shape"}`, counted in float32 values (little endian) of the other file.
"""

import json
from pathlib import Path

import numpy as np

from package_folder import write_json

INDEX, VALUES = "goldens.json", "goldens.f32"


class GoldenFile:
    def __init__(self):
        self._arrays: list[np.ndarray] = []
        self._length = 0

    def add(self, array) -> dict:
        values = np.asarray(array, dtype="<f4")
        reference = {"offset": self._length, "shape": list(values.shape)}
        self._arrays.append(values.ravel())
        self._length += values.size
        return reference

    def write(self, folder: Path, index: dict) -> None:
        write_json(folder / INDEX, index)
        np.concatenate(self._arrays).tofile(folder / VALUES)


def read_arrays(folder: Path) -> dict[str, np.ndarray]:
    """Return every array by its path in the index."""
    values = np.fromfile(folder / VALUES, dtype="<f4")
    found: dict[str, np.ndarray] = {}

    def visit(node, path: str) -> None:
        if isinstance(node, dict) and set(node) == {"offset", "shape"}:
            size = int(np.prod(node["shape"]))
            found[path] = values[node["offset"]:node["offset"] + size].reshape(node["shape"])
        elif isinstance(node, dict | list):
            for key, child in node.items() if isinstance(node, dict) else enumerate(node):
                visit(child, f"{path}/{key}")

    visit(json.loads((folder / INDEX).read_text(encoding="utf-8")), "")
    return found
