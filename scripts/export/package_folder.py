"""The diffusers/optimum folder of a pipeline: graphs, and every JSON file that stands beside them."""

import json
import math
from pathlib import Path

from diffusers import DiffusionPipeline, SchedulerMixin

from pipeline_graphs import Shape, graphs_of


def scheduler_json(scheduler: SchedulerMixin) -> dict:
    """The config as its file has it: a field left to its default is left out, because another scheduler
    made from this file then takes a default of its own."""
    config = {"_class_name": type(scheduler).__name__, **scheduler.config}
    defaulted = config.pop("_use_default_values", [])
    return {field: value for field, value in config.items() if field not in defaulted}


def effective_scheduler_json(scheduler: SchedulerMixin) -> dict:
    """Every field with the value that the scheduler works with."""
    config = {"_class_name": type(scheduler).__name__, **scheduler.config}
    config.pop("_use_default_values", None)
    return {field: finite(value) for field, value in config.items()}


def finite(value):
    """JSON has no infinity; diffusers writes one all the same, which other readers refuse."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def write_json(path: Path, content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_configs(pipeline: DiffusionPipeline, root: Path) -> None:
    """Everything of the layout that is not a graph."""
    root.mkdir(parents=True, exist_ok=True)
    pipeline.save_config(root)
    write_json(root / "scheduler/scheduler_config.json", scheduler_json(pipeline.scheduler))
    # a tokenizer remembers how it was last called, and would write that into its file
    pipeline.tokenizer.backend_tokenizer.no_padding()
    pipeline.tokenizer.backend_tokenizer.no_truncation()
    pipeline.tokenizer.save_pretrained(root / "tokenizer")
    # a class that has never been saved does not know its name
    pipeline.text_encoder.config.architectures = [type(pipeline.text_encoder).__name__]
    pipeline.text_encoder.config.save_pretrained(root / "text_encoder")
    pipeline.vae.save_config(root / "vae_decoder")
    for name in ("unet", "transformer"):
        if name in pipeline.components:
            pipeline.components[name].save_config(root / name)


def write_package(pipeline: DiffusionPipeline, root: Path, shape: Shape = Shape()) -> None:
    write_configs(pipeline, root)
    for graph in graphs_of(pipeline, shape).values():
        graph.write(root)
