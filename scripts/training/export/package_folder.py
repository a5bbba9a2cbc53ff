"""Writes the diffusers/optimum folder of a pipeline: graphs, and every JSON file beside them."""

import contextlib
import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path

from diffusers import DiffusionPipeline, SchedulerMixin

from pipeline_graphs import Shape, graphs_of


# Libraries note these about the machine; they are not the model's, and would change its digest.
OF_THIS_MACHINE = {"_name_or_path", "is_local", "local_files_only"}


def require_free(out: Path) -> None:
    """@raise FileExistsError with one sentence"""
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"{out} must be a new or an empty folder, and is a file.")
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} must be a new or an empty folder, and is not empty.")


@contextlib.contextmanager
def drafting(out: Path, replace: bool = False) -> Iterator[Path]:
    """Make a folder that is named `out` when it is whole; if it never is, it stays beside `out` to look at.

    A folder there that is not empty is replaced only if asked for. @raise OSError otherwise
    """
    draft = out.with_name(out.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    yield draft
    if replace:
        shutil.rmtree(out, ignore_errors=True)
    draft.rename(out)


def scheduler_json(scheduler: SchedulerMixin) -> dict:
    """Return the config as its file has it. A field with its default is left out, so that another
    scheduler made from this file takes a default of its own."""
    config = {"_class_name": type(scheduler).__name__, **scheduler.config}
    defaulted = config.pop("_use_default_values", [])
    return {field: value for field, value in config.items() if field not in defaulted}


def effective_scheduler_json(scheduler: SchedulerMixin) -> dict:
    """Return every field with the value that the scheduler works with."""
    config = {"_class_name": type(scheduler).__name__, **scheduler.config}
    config.pop("_use_default_values", None)
    return {field: finite(value) for field, value in config.items()}


def finite(value):
    """JSON has no infinity; diffusers writes one nevertheless, which other readers refuse."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def write_json(path: Path, content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_configs(pipeline: DiffusionPipeline, root: Path) -> None:
    """Write everything in the layout except graphs."""
    root.mkdir(parents=True, exist_ok=True)
    pipeline.save_config(root)
    write_json(root / "scheduler/scheduler_config.json", scheduler_json(pipeline.scheduler))
    # a tokenizer remembers how it was last called, and would write that into its file
    pipeline.tokenizer.backend_tokenizer.no_padding()
    pipeline.tokenizer.backend_tokenizer.no_truncation()
    pipeline.tokenizer.save_pretrained(root / "tokenizer")
    # a class knows its name only after it was saved
    pipeline.text_encoder.config.architectures = [type(pipeline.text_encoder).__name__]
    pipeline.text_encoder.config.save_pretrained(root / "text_encoder")
    pipeline.vae.save_config(root / "vae_decoder")
    for name in ("unet", "transformer"):
        if name in pipeline.components:
            pipeline.components[name].save_config(root / name)
    if getattr(pipeline, "safety_checker", None):
        pipeline.feature_extractor.save_pretrained(root / "feature_extractor")
    _forget_machine(root)


def _forget_machine(root: Path) -> None:
    for file in root.rglob("*.json"):
        content = json.loads(file.read_text(encoding="utf-8"))
        if OF_THIS_MACHINE & content.keys():
            kept = {key: value for key, value in content.items() if key not in OF_THIS_MACHINE}
            # the libraries would write it so
            file.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_package(pipeline: DiffusionPipeline, root: Path, shape: Shape = Shape()) -> None:
    write_configs(pipeline, root)
    for graph in graphs_of(pipeline, shape).values():
        graph.write(root)
