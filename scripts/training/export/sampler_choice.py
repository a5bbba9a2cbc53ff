"""Makes the service's samplers as diffusers' schedulers, from a pipeline's own config as its users do."""

from dataclasses import dataclass, field

from diffusers import (DDIMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler,
                       EulerDiscreteScheduler, HeunDiscreteScheduler, PNDMScheduler, SchedulerMixin,
                       UniPCMultistepScheduler)


@dataclass(frozen=True)
class Sampler:
    scheduler: type[SchedulerMixin]
    overrides: dict = field(default_factory=dict)
    eta: float = 0.0

    def make(self, config: dict) -> SchedulerMixin:
        return self.scheduler.from_config(config, **self.overrides)


SAMPLERS = {
    "ddim": Sampler(DDIMScheduler),
    "ddim_eta1": Sampler(DDIMScheduler, eta=1.0),
    # the paper's sampler; without Runge-Kutta steps, as Stable Diffusion's own config asks
    "pndm": Sampler(PNDMScheduler, {"skip_prk_steps": True}),
    "euler": Sampler(EulerDiscreteScheduler),
    "euler_ancestral": Sampler(EulerAncestralDiscreteScheduler),
    "dpmpp_2m": Sampler(DPMSolverMultistepScheduler),
    "dpmpp_2m_karras": Sampler(DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "unipc": Sampler(UniPCMultistepScheduler),
    "heun": Sampler(HeunDiscreteScheduler),
}
