"""Trains the embedded model, one command per stage: `python train.py --help`."""

import argparse
import dataclasses
import os
from pathlib import Path

import torch

import art
from scene import Painter

HERE = Path(__file__).parent


def _shared(parser: argparse.ArgumentParser) -> None:
    default_data = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "shapefirst-train"
    parser.add_argument("--data", type=Path, default=default_data,
                        help="folder for generated data, outside the repository (default %(default)s)")
    parser.add_argument("--checkpoints", type=Path, default=HERE / "checkpoints",
                        help="folder of the stages' checkpoints (default %(default)s)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 ... (default %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of PyTorch (default 2)")


def _sprites(options: argparse.Namespace) -> Path:
    sprites = options.data / "sprites.npz"
    if not sprites.exists():
        raise FileNotFoundError(f"stage art must run first: no {sprites}")
    return sprites


def run_art(options: argparse.Namespace) -> None:
    art.fetch_packages(options.data / "art")
    count = art.build_sprites(options.data / "art", options.data / "sprites.npz")
    print(f"{count} sprites of {len(art.load_objects())} objects in {options.data / 'sprites.npz'}")


def run_vae(options: argparse.Namespace) -> None:
    import vae_stage
    plan = dataclasses.replace(vae_stage.PLAN, **_plan_changes(options))
    vae_stage.train_vae(Painter(_sprites(options)), options.checkpoints / "vae", plan,
                        torch.device(options.device))


def _plan_changes(options: argparse.Namespace) -> dict:
    names = ("steps", "batch", "checkpoint_every")
    return {n: getattr(options, n) for n in names if getattr(options, n, None) is not None}


STAGES = {
    "art": (run_art, "fetch the openly licensed art and rasterise it once"),
    "vae": (run_vae, "train the autoencoder"),
}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="train.py", description=__doc__)
    commands = parser.add_subparsers(dest="stage", required=True)
    for name, (_, summary) in STAGES.items():
        command = commands.add_parser(
            name, help=summary, description=summary,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        _shared(command)
        if name in ("vae",):
            command.add_argument("--steps", type=int, help="total steps of the plan")
            command.add_argument("--batch", type=int, help="samples per step")
            command.add_argument("--checkpoint-every", type=int, help="steps between checkpoints")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    STAGES[options.stage][0](options)


if __name__ == "__main__":
    main()
