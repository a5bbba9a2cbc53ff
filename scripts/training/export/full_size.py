"""A package in the published size of its family, with random weights: for memory and speed, not for pictures.

Weights are drawn while they are written, so memory is for the tracing only (1.1 GB for Stable Diffusion 1.5) and
disk for one copy: in fp16 2.1 GB for Stable Diffusion 1.5, 2.5 GB for 2.1, 10.8 GB for PixArt-alpha, whose text
encoder is T5 XXL.
The tokenizer is the small one of the fixtures, all of whose ids these models know.
"""

import argparse
import shutil
import sys
from pathlib import Path

import torch
from tqdm import tqdm

from export_checkpoint import DTYPES
from full_size_pipeline import FAMILIES, reserve
from package_folder import drafting, require_free, write_configs
from pipeline_graphs import Shape, graphs_of
from random_weights import large_bytes, write_with_random_weights

DISK_MARGIN_BYTES = 2**28


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", choices=[*FAMILIES])
    parser.add_argument("out", type=Path, help="folder to make; must not exist or be empty")
    parser.add_argument("--dtype", choices=[*DTYPES], default="fp16", help="default: %(default)s")
    parser.add_argument("--scalar-timestep", action="store_true", help="one timestep for all rows")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch (default: %(default)s)")
    return parser.parse_args(arguments)


def write(family: str, out: Path, dtype: torch.dtype, shape: Shape = Shape()) -> dict[str, int]:
    """@return bytes of weights by graph"""
    pipeline = reserve(FAMILIES[family], dtype)
    graphs = graphs_of(pipeline, shape)
    needed = sum(large_bytes(graph) for graph in graphs.values())
    out.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(out.parent).free
    if free < needed + DISK_MARGIN_BYTES:
        raise OSError(f"{out.parent} must have {(needed + DISK_MARGIN_BYTES) / 1e9:.1f} GB free, "
                      f"given {free / 1e9:.1f} GB.")
    written = {}
    with drafting(out) as draft, tqdm(total=needed, unit="B", unit_scale=True) as bar:
        write_configs(pipeline, draft)
        for name, graph in graphs.items():
            bar.set_description(name)
            written[name] = write_with_random_weights(graph, draft, bar.update)
        bar.total = bar.n  # the VAE's encoder was counted, but no graph has it
        bar.refresh()
    return written


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    try:
        require_free(options.out)
        written = write(options.family, options.out, DTYPES[options.dtype],
                        Shape(scalar_timestep=options.scalar_timestep))
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    for name, size in written.items():
        print(f"{name}: {size / 1e9:.2f} GB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
