"""A checkpoint of Stable Diffusion 1.x, 2.x or PixArt-alpha as a package: the diffusers/optimum ONNX folder.

Nothing is downloaded: CHECKPOINT is a folder that diffusers saved, or one .safetensors file together with
--config, a folder that has the JSON files and the tokenizer of the same model.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from diffusers import DiffusionPipeline, PixArtAlphaPipeline, StableDiffusionPipeline
from tqdm import tqdm

from onnx_agreement import relative_error
from package_folder import drafting, require_free, write_configs
from pipeline_graphs import Shape, graphs_of

CLASSES = {"StableDiffusionPipeline": StableDiffusionPipeline, "PixArtAlphaPipeline": PixArtAlphaPipeline}
DTYPES = {"fp32": torch.float32, "fp16": torch.float16}
TIMESTEPS = {"float32": torch.float32, "int64": torch.int64}
# seen are 1e-6 in float32; PyTorch's float16 on a CPU rounds at other places than onnxruntime's
AGREEMENT = {"fp32": 1e-4, "fp16": 5e-2}


class Refusal(Exception):
    """One sentence for the user."""


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="diffusers folder or .safetensors file")
    parser.add_argument("out", type=Path, help="folder to make; must not exist or be empty")
    parser.add_argument("--dtype", choices=[*DTYPES], default="fp16",
                        help="of weights, inputs and outputs (default: %(default)s)")
    parser.add_argument("--config", type=Path, help="for a single file: folder of the model's JSON files")
    parser.add_argument("--scalar-timestep", action="store_true",
                        help="one timestep for all rows, as optimum does; rows of different steps then "
                             "cannot share a run")
    parser.add_argument("--timestep", choices=[*TIMESTEPS], default="float32",
                        help="int64, as optimum has it, cuts off the fractions that Euler and Heun ask for "
                             "(default: %(default)s)")
    parser.add_argument("--external-data", action="store_true",
                        help="weights beside every graph (above 2 GB they are in any case)")
    parser.add_argument("--no-verify", action="store_true",
                        help="do not run the graphs beside PyTorch, which takes memory for both")
    return parser.parse_args(arguments)


def load(checkpoint: Path, config: Path | None, dtype: torch.dtype) -> DiffusionPipeline:
    """@raise Refusal when the checkpoint is of another family, or unreadable"""
    if not checkpoint.exists():
        raise Refusal(f"{checkpoint} does not exist.")
    folder = checkpoint if checkpoint.is_dir() else config
    if folder is None:
        raise Refusal(f"{checkpoint} is a single file, which says nothing of its tokenizer and scheduler: "
                      "name a folder with these by --config.")
    pipeline_class = CLASSES[_class_name(folder)]
    options = {"dtype": dtype, "local_files_only": True}
    if pipeline_class is StableDiffusionPipeline:
        options |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    try:
        if checkpoint.is_dir():
            return pipeline_class.from_pretrained(checkpoint, **options)
        if not hasattr(pipeline_class, "from_single_file"):
            raise Refusal(f"{pipeline_class.__name__} cannot be read from a single file: give its folder.")
        return pipeline_class.from_single_file(str(checkpoint), config=str(config), **options)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise Refusal(f"{checkpoint} cannot be read as {pipeline_class.__name__}: {first}") from error


def _class_name(folder: Path) -> str:
    index = folder / "model_index.json"
    try:
        name = json.loads(index.read_text(encoding="utf-8"))["_class_name"]
    except FileNotFoundError:
        raise Refusal(f"{index} is missing: a folder saved by diffusers has one.") from None
    except (json.JSONDecodeError, KeyError, TypeError):
        raise Refusal(f"{index} does not name a pipeline class.") from None
    if name not in CLASSES:
        raise Refusal(f"{index} must name {' or '.join(CLASSES)}, given {name}.")
    return name


def write(pipeline: DiffusionPipeline, out: Path, options: argparse.Namespace) -> dict[str, float]:
    """@return each graph's distance from PyTorch, if asked for. @raise Refusal when it is too large"""
    errors, limit = {}, AGREEMENT[options.dtype]
    graphs = graphs_of(pipeline, Shape(scalar_timestep=options.scalar_timestep,
                                       timestep=TIMESTEPS[options.timestep]))
    with drafting(out) as draft, tqdm(graphs.items(), unit="graph") as bar:
        write_configs(pipeline, draft)
        for name, graph in bar:
            bar.set_description(name)
            graph.write(draft, external=options.external_data)
            if options.no_verify:
                continue
            errors[name] = relative_error(graph, draft, rows=1)
            if not errors[name] <= limit:
                raise Refusal(f"{name} differs from PyTorch by {errors[name]:.1e} (relative L2), at most "
                              f"{limit:.0e}: it is left in {draft} to look at.")
    return errors


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    try:
        require_free(options.out)
        pipeline = load(options.checkpoint, options.config, DTYPES[options.dtype])
        errors = write(pipeline, options.out, options)
    except (Refusal, FileExistsError) as refusal:
        print(refusal, file=sys.stderr)
        return 1
    for name, error in errors.items():
        print(f"{name}: {error:.1e} from PyTorch")
    return 0


if __name__ == "__main__":
    sys.exit(main())
