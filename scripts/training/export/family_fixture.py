"""Writes all that is committed for one family: its package, goldens and images."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from diffusers import DiffusionPipeline, PixArtAlphaPipeline, SchedulerMixin
from PIL import Image

from denoising_run import Trace, run_loop, run_pipeline, steps_of_evaluations
from generation_case import Case
from golden_cases import TEXTS, cases_of
from golden_file import GoldenFile
from package_folder import effective_scheduler_json, write_package
from sampler_choice import SAMPLERS
from small_pipeline import build
from text_encoding import encode
from variant import write_variants

MADE_WITH = ("diffusers", "torch", "transformers")
Progress = Callable[[str], None]


def write_family(family: str, folder: Path, progress: Progress = lambda _: None) -> None:
    pipeline = build(family)
    progress("package")
    write_package(pipeline, folder / "package")
    progress("variants")
    variants = write_variants(family, folder / "variants")
    values = GoldenFile()
    index = {"family": family, "made_with": {name: version(name) for name in MADE_WITH},
             "variants": variants,
             "texts": [_text_golden(pipeline, text, values) for text in TEXTS], "cases": []}
    for case in family_cases(pipeline):
        progress(case.name)
        index["cases"].append(_case_golden(pipeline, case, values, folder))
    values.write(folder, index)


def family_cases(pipeline: DiffusionPipeline) -> list[Case]:
    if isinstance(pipeline, PixArtAlphaPipeline):
        return cases_of(causal=False, guidance_scale=4.5)
    return cases_of(causal=True, guidance_scale=7.5)


def _text_golden(pipeline: DiffusionPipeline, text: str, values: GoldenFile) -> dict:
    encoded = encode(pipeline, text)
    return {"text": text, "ids": encoded.ids[0].tolist(), "mask": encoded.mask[0].tolist(),
            "states": values.add(encoded.states[0])}


def _case_golden(pipeline: DiffusionPipeline, case: Case, values: GoldenFile, folder: Path) -> dict:
    by_pipeline = case.cutoff is None and case.eos_swap is None
    trace = run_pipeline(pipeline, case) if by_pipeline else run_loop(pipeline, case)
    image = folder / "images" / f"{case.name}.png"
    image.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(trace.image).save(image, optimize=True)
    return {
        **case.to_json(), "oracle": "pipeline" if by_pipeline else "loop",
        "eta": SAMPLERS[case.sampler].eta,
        "scheduler_config": effective_scheduler_json(trace.scheduler),
        "evaluations": _evaluations(case, trace), **_schedule(trace.scheduler, values),
        "noise": values.add(trace.noise), "latents": values.add(trace.latents),
        "image": f"images/{case.name}.png"}


def _evaluations(case: Case, trace: Trace) -> list[dict]:
    """Describe each call: its step, the time that the model gets, and its rows."""
    steps = steps_of_evaluations(trace.scheduler, case.num_inference_steps)
    return [{"step": step, "timestep": float(t), "conditioning": case.conditioning_at(step),
             "eos_swapped": case.swapped_at(step) and case.conditioning_at(step) != "null"}
            for step, t in zip(steps, trace.scheduler.timesteps)]


def _schedule(scheduler: SchedulerMixin, values: GoldenFile) -> dict:
    """Return the scheduler's sigmas, if it has any, and its alphas at the timesteps of the calls."""
    sigmas = getattr(scheduler, "sigmas", None)
    whole = [int(t) for t in np.asarray(scheduler.timesteps).round()]
    return {"init_noise_sigma": float(scheduler.init_noise_sigma),
            "sigmas": None if sigmas is None else values.add(sigmas),
            "alphas_cumprod": values.add(scheduler.alphas_cumprod[whole])}
