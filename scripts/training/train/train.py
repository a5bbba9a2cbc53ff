"""Trains the embedded model, one command per stage: `python train.py --help`."""

import argparse
import dataclasses
import json
import os
from pathlib import Path

import torch

import art
import checkpoint
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
                        torch.device(options.device), _held_out(options, vae_stage.HELD_OUT),
                        getattr(torch, options.precision))


def run_text(options: argparse.Namespace) -> None:
    import text_stage
    plan = dataclasses.replace(text_stage.PLAN, **_plan_changes(options))
    text_stage.train_text(Painter(_sprites(options)), options.checkpoints / "text", plan,
                          torch.device(options.device), _held_out(options, text_stage.HELD_OUT))


def run_unet(options: argparse.Namespace) -> None:
    import unet_stage
    plan = dataclasses.replace(unet_stage.PLAN, **_plan_changes(options))
    unet_stage.train_unet(_sprites(options), options.checkpoints, plan, torch.device(options.device),
                          options.workers, options.pool_chunks, getattr(torch, options.precision),
                          options.compile)


def run_classifier(options: argparse.Namespace) -> None:
    import classifier_stage
    plan = dataclasses.replace(classifier_stage.PLAN, **_plan_changes(options))
    classifier_stage.train_classifier(Painter(_sprites(options)), options.checkpoints / "classifier",
                                      plan, torch.device(options.device),
                                      _held_out(options, classifier_stage.HELD_OUT),
                                      getattr(torch, options.precision))


def run_sample(options: argparse.Namespace) -> None:
    from contact_sheet import save_grid
    from sampler import Pipeline
    from vae_stage import to_images
    prompts = [p for p in options.prompts for _ in range(options.seeds)]
    seeds = list(range(options.seeds)) * len(options.prompts)
    pipeline = Pipeline(options.checkpoints, torch.device(options.device))
    pixels = pipeline.draw(prompts, seeds, steps=options.sampling_steps,
                           guidance_scale=options.guidance_scale)
    columns = options.seeds if options.seeds > 1 else 8
    save_grid(to_images(pixels), columns, options.out, prompts)
    print(options.out)


def run_export(options: argparse.Namespace) -> None:
    import export
    report = export.export_model(options.checkpoints, _sprites(options), options.out, options.scorers)
    print(json.dumps(report, indent=1))


def run_evaluate(options: argparse.Namespace) -> None:
    import evaluation
    report = evaluation.evaluate(
        options.checkpoints, _sprites(options), options.out, torch.device(options.device),
        options.seeds, options.limit, steps=options.sampling_steps,
        guidance_scale=options.guidance_scale)
    print(json.dumps(report, indent=1))


def run_references(options: argparse.Namespace) -> None:
    import references
    state = checkpoint.read_state(options.checkpoints / "unet")
    if state is None:
        raise FileNotFoundError(f"stage unet must be trained first: no state.json in {options.checkpoints}")
    references.write_references(_sprites(options), state["samples"], state["plan"]["seed"], options.out)


def run_all(options: argparse.Namespace) -> None:
    """Run every stage in order, except finished ones; a stop in one stops the rest."""
    if not (options.data / "sprites.npz").exists():
        run_art(options)
    for name, run in (("vae", run_vae), ("text", run_text), ("classifier", run_classifier),
                      ("unet", run_unet)):
        run(options)
        state = checkpoint.read_state(options.checkpoints / name)
        if state["step"] < state["plan"]["steps"]:
            print(f"stopped in stage {name} at step {state['step']}; the same command goes on")
            return
    run_export(options)


def _held_out(options: argparse.Namespace, of_stage: int) -> int:
    return of_stage if options.held_out is None else options.held_out


def _plan_changes(options: argparse.Namespace) -> dict:
    names = ("steps", "batch", "checkpoint_every")
    return {n: getattr(options, n) for n in names if getattr(options, n, None) is not None}


STAGES = {
    "art": (run_art, "fetch the openly licensed art and rasterise it once"),
    "vae": (run_vae, "train the autoencoder"),
    "text": (run_text, "train the dual encoder: text tower and image tower"),
    "classifier": (run_classifier, "train the attribute classifier that judges images"),
    "unet": (run_unet, "train the denoiser"),
    "export": (run_export, "write the ONNX package and compare it with PyTorch"),
    "evaluate": (run_evaluate, "judge what the averaged weights draw for the fixed prompts"),
    "references": (run_references, "draw the real renders that the laboratory compares with"),
    "sample": (run_sample, "draw a grid with the averaged weights"),
    "all": (run_all, "every stage in order, resuming where a checkpoint is, then export"),
}
TRAINED = ("vae", "text", "classifier", "unet")


def _training_options(command: argparse.ArgumentParser, stage: str) -> None:
    if stage in (*TRAINED, "all"):
        command.add_argument("--steps", type=int, help="steps of the plan, instead of the stage's own")
        command.add_argument("--batch", type=int, help="samples per step, instead of the stage's own")
        command.add_argument("--checkpoint-every", type=int, help="steps between checkpoints")
        command.add_argument("--held-out", type=int,
                             help="scenes a finished stage is measured on, instead of its own number")
    if stage in ("vae", "classifier", "unet", "all"):
        command.add_argument("--precision", choices=("float32", "bfloat16"), default="float32",
                             help="of the products in training; bfloat16 on a GPU or a CPU with "
                                  "avx512_bf16 or amx_bf16 (default %(default)s)")
    if stage in ("unet", "all"):
        command.add_argument("--workers", type=int, default=0,
                             help="processes that draw scenes ahead; use with a GPU")
        command.add_argument("--compile", action="store_true",
                             help="fuse the denoiser's small operations; needs a C++ compiler")
        command.add_argument("--pool-chunks", type=int, default=32,
                             help="scenes held encoded, in chunks of 512; keep it when resuming")


def _drawing_options(command: argparse.ArgumentParser, stage: str) -> None:
    if stage == "sample":
        command.add_argument("prompts", nargs="+")
    if stage == "evaluate":
        command.add_argument("--limit", type=int, help="only the first prompts of each kind")
    if stage in ("sample", "evaluate"):
        command.add_argument("--seeds", type=int, default=1, help="images per prompt")
        command.add_argument("--sampling-steps", type=int, default=50)
    if stage in ("sample", "evaluate"):
        command.add_argument("--guidance-scale", type=float, default=5.0)
    outputs = {"export": "mini", "all": "mini", "evaluate": "evaluation", "sample": "samples.png",
               "references": "references"}
    if stage in outputs:
        command.add_argument("--out", type=Path, default=Path(outputs[stage]))
    if stage in ("export", "all"):
        command.add_argument("--scorers", type=Path, default=Path("scorers"),
                             help="folder for the laboratory's judges (default %(default)s)")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="train.py", description=__doc__)
    commands = parser.add_subparsers(dest="stage", required=True)
    for name, (_, summary) in STAGES.items():
        command = commands.add_parser(name, help=summary, description=summary)
        _shared(command)
        _training_options(command, name)
        _drawing_options(command, name)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    try:
        STAGES[options.stage][0](options)
    except (FileNotFoundError, ValueError) as problem:
        raise SystemExit(f"train.py {options.stage}: {problem}") from problem


if __name__ == "__main__":
    main()
