"""The samplers of the service as diffusers' schedulers, made from a pipeline's own config as its users do."""

from dataclasses import dataclass, field

from diffusers import DDIMScheduler, SchedulerMixin


@dataclass(frozen=True)
class Sampler:
    scheduler: type[SchedulerMixin]
    overrides: dict = field(default_factory=dict)
    eta: float = 0.0

    def make(self, config: dict) -> SchedulerMixin:
        return self.scheduler.from_config(config, **self.overrides)


SAMPLERS = {
    "ddim": Sampler(DDIMScheduler),
    "ddim_eta_1": Sampler(DDIMScheduler, eta=1.0),
}
