"""Runs each case twice: by diffusers' pipeline, and by a loop of our own around its parts.

The pipeline has no cutoff and no [EOS] swap, so these come from the loop. Where the pipeline can do the same,
it shows that the loop is right.
"""

import inspect
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import DiffusionPipeline, HeunDiscreteScheduler, PixArtAlphaPipeline, PNDMScheduler, SchedulerMixin
from PIL import Image

from generation_case import Case
from sampler_choice import SAMPLERS
from text_encoding import PIXART_LENGTH, Text, encode


@dataclass(frozen=True)
class Trace:
    """`noise` as the generator gave it, `latents` after each call, `image` [height, width, 3]."""

    noise: np.ndarray
    latents: np.ndarray
    image: np.ndarray
    scheduler: SchedulerMixin


def steps_of_evaluations(scheduler: SchedulerMixin, steps: int) -> list[int]:
    """Return the step of each call: Heun has two in a step, except the last; PNDM has two in its first."""
    count = len(scheduler.timesteps)
    if isinstance(scheduler, HeunDiscreteScheduler):
        return [i // 2 for i in range(count)]
    if isinstance(scheduler, PNDMScheduler):
        return [max(0, i - (count - steps)) for i in range(count)]
    return list(range(count))


def _latent_shape(pipeline: DiffusionPipeline, case: Case) -> tuple[int, int, int, int]:
    factor = pipeline.vae_scale_factor
    return (1, pipeline.vae.config.latent_channels, case.height // factor, case.width // factor)


def run_pipeline(pipeline: DiffusionPipeline, case: Case) -> Trace:
    """Run the pipeline itself, and record at the scheduler's step."""
    sampler = SAMPLERS[case.sampler]
    scheduler = sampler.make(pipeline.scheduler.config)
    latents, step = [], scheduler.step

    def listen(*args, **kwargs):
        result = step(*args, **kwargs)
        latents.append(result[0].numpy()[0].copy())
        return result

    scheduler.step = listen
    # its step's signature decides what the pipeline passes on
    listen.__wrapped__ = step
    before, pipeline.scheduler = pipeline.scheduler, scheduler
    special = ({"clean_caption": False, "use_resolution_binning": False,
                "max_sequence_length": PIXART_LENGTH} if isinstance(pipeline, PixArtAlphaPipeline) else {})
    try:
        image = pipeline(
            case.prompt, negative_prompt=case.negative_prompt, width=case.width, height=case.height,
            num_inference_steps=case.num_inference_steps, guidance_scale=case.guidance_scale,
            generator=torch.Generator().manual_seed(case.seed), eta=sampler.eta, **special).images[0]
    finally:
        pipeline.scheduler = before
        del scheduler.step
    noise = torch.randn(_latent_shape(pipeline, case), generator=torch.Generator().manual_seed(case.seed))
    return Trace(noise.numpy()[0], np.stack(latents), np.asarray(image), scheduler)


@torch.no_grad()
def run_loop(pipeline: DiffusionPipeline, case: Case) -> Trace:
    sampler = SAMPLERS[case.sampler]
    scheduler = sampler.make(pipeline.scheduler.config)
    scheduler.set_timesteps(case.num_inference_steps)
    generator = torch.Generator().manual_seed(case.seed)
    noise = torch.randn(_latent_shape(pipeline, case), generator=generator)
    extras = _step_extras(scheduler, generator, sampler.eta)
    texts = _Texts(pipeline, case)
    x, latents = noise * scheduler.init_noise_sigma, []
    steps = steps_of_evaluations(scheduler, case.num_inference_steps)
    for step, t in zip(steps, scheduler.timesteps):
        scaled = scheduler.scale_model_input(x, t)
        rows = [_predict(pipeline, scaled, t, text) for text in texts.rows_at(step)]
        output = rows[0] if len(rows) == 1 else rows[0] + case.guidance_scale * (rows[1] - rows[0])
        x = scheduler.step(output, t, x, **extras).prev_sample
        latents.append(x.numpy()[0].copy())
    return Trace(noise.numpy()[0], np.stack(latents), _decode(pipeline, x), scheduler)


def _step_extras(scheduler: SchedulerMixin, generator: torch.Generator, eta: float) -> dict:
    """Deterministic schedulers take no such arguments."""
    taken = inspect.signature(scheduler.step).parameters
    return {name: value for name, value in (("generator", generator), ("eta", eta)) if name in taken}


class _Texts:
    """States that condition a step; the unconditional ones come first where it is guided."""

    def __init__(self, pipeline: DiffusionPipeline, case: Case):
        self.case = case
        self.prompt, self.negative, self.empty = (
            encode(pipeline, text) for text in (case.prompt, case.negative_prompt, ""))
        self.swapped = self.prompt
        if case.eos_swap is not None:
            other = encode(pipeline, case.eos_swap.prompt)
            self.swapped = self.prompt.swap_ends(other, pipeline.tokenizer.eos_token_id)

    def rows_at(self, step: int) -> list[Text]:
        prompt = self.swapped if self.case.swapped_at(step) else self.prompt
        conditioning = self.case.conditioning_at(step)
        return {"guided": [self.negative, prompt], "cond": [prompt], "null": [self.empty]}[conditioning]


def _predict(pipeline: DiffusionPipeline, x: torch.Tensor, t: torch.Tensor, text: Text) -> torch.Tensor:
    if not isinstance(pipeline, PixArtAlphaPipeline):
        return pipeline.unet(x, t, encoder_hidden_states=text.states).sample
    factor = pipeline.vae_scale_factor
    height, width = x.shape[2] * factor, x.shape[3] * factor
    sizes = {"resolution": torch.tensor([[height, width]], dtype=torch.float32),
             "aspect_ratio": torch.tensor([[height / width]])}
    output = pipeline.transformer(
        x, encoder_hidden_states=text.states, encoder_attention_mask=text.mask,
        timestep=t.expand(1), added_cond_kwargs=sizes).sample
    # the other half is the learned variance, which these samplers do not use
    return output[:, :x.shape[1]]


def _decode(pipeline: DiffusionPipeline, x: torch.Tensor) -> np.ndarray:
    decoded = pipeline.vae.decode(x / pipeline.vae.config.scaling_factor).sample[0]
    pixels = (decoded / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).numpy()
    return np.asarray(Image.fromarray((pixels * 255).round().astype(np.uint8)))
