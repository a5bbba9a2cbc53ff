"""Writes a pipeline as other exporters do: files that replace those of the package."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline_graphs import Shape, graphs_of
from small_pipeline import build

TOKENIZER_FILE = "tokenizer/tokenizer.json"


@dataclass(frozen=True)
class Variant:
    """`write` puts files into a folder; `removes` names files of the package that it lacks."""

    name: str
    about: str
    write: Callable[[str, Path], None]
    removes: tuple[str, ...] = ()


def _graph(folder: str, shape: Shape) -> Callable[[str, Path], None]:
    return lambda family, root: graphs_of(build(family), shape)[folder].write(root)


def _half(family: str, root: Path) -> None:
    for graph in graphs_of(build(family).to(torch.float16)).values():
        graph.write(root)


def _external(family: str, root: Path) -> None:
    graphs_of(build(family))["unet"].write(root, external=True)


def _vocabulary_files(family: str, root: Path) -> None:
    """CLIP's own two files, as optimum copies them."""
    tokenizer = build(family).tokenizer
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    folder = root / "tokenizer"
    folder.mkdir(parents=True)
    vocab = json.dumps(model["vocab"], ensure_ascii=False)
    (folder / "vocab.json").write_text(vocab, encoding="utf-8")
    merges = "".join(" ".join(pair) + "\n" for pair in model["merges"])
    (folder / "merges.txt").write_text("#version: 0.2\n" + merges, encoding="utf-8")


INT32 = Variant("int32_ids", "token ids are int32",
                _graph("text_encoder", Shape(ids=torch.int32)))
SCALAR = Variant("scalar_timestep", "one int64 timestep without a side for the whole batch, as optimum's default is",
                 _graph("unet", Shape(scalar_timestep=True, timestep=torch.int64)))
WHOLE_UNET, WHOLE_TRANSFORMER = (
    Variant("whole_timesteps", "timesteps are int64, which cuts their fractions off",
            _graph(folder, Shape(timestep=torch.int64))) for folder in ("unet", "transformer"))
HALF = Variant("half", "weights, inputs and outputs are float16", _half)
EXTERNAL = Variant("external_data", "the weights lie in model.onnx_data", _external)
NO_POOLER = Variant("no_pooler_output", "the text encoder gives states only",
                    _graph("text_encoder", Shape(pooler_output=False)))
HIDDEN = Variant("hidden_states", "the text encoder gives every layer's states too",
                 _graph("text_encoder", Shape(hidden_states=True)))
VOCABULARY = Variant("vocabulary_files", "vocab.json and merges.txt instead of tokenizer.json",
                     _vocabulary_files, (TOKENIZER_FILE,))

VARIANTS: dict[str, tuple[Variant, ...]] = {
    "sd1": (INT32, SCALAR, WHOLE_UNET, HALF, EXTERNAL, NO_POOLER, VOCABULARY),
    "sd2_base": (HIDDEN, VOCABULARY),
    "sd2_v": (),
    "pixart": (WHOLE_TRANSFORMER, HALF),
    "pixart_sizes": (HALF,),
}


def write_variants(family: str, folder: Path) -> list[dict]:
    """@return the variants' entries in the index"""
    entries = []
    for variant in VARIANTS[family]:
        root = folder / variant.name
        root.mkdir(parents=True)
        variant.write(family, root)
        files = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
        entries.append({"name": variant.name, "about": variant.about, "files": files,
                        "removes": list(variant.removes)})
    return entries
