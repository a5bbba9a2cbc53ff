"""Describes what one golden run asks for, in the words of the wire."""

from dataclasses import asdict, dataclass

STEPS = 20


@dataclass(frozen=True)
class Cutoff:
    """`guided_steps` steps of guidance, then only the empty prompt ("null") or only the prompt ("cond")."""

    guided_steps: int
    tail: str


@dataclass(frozen=True)
class EosSwap:
    """[EOS] and padding of another prompt in the steps from `from_step` to before `to_step`."""

    prompt: str
    from_step: int
    to_step: int


@dataclass(frozen=True)
class Case:
    name: str
    sampler: str
    prompt: str = "a photo of a blue bird on a brown chair"
    negative_prompt: str = ""
    seed: int = 7
    width: int = 48
    height: int = 64
    num_inference_steps: int = STEPS
    guidance_scale: float = 7.5
    cutoff: Cutoff | None = None
    eos_swap: EosSwap | None = None

    @property
    def guided(self) -> bool:
        return self.guidance_scale != 1

    def conditioning_at(self, step: int) -> str:
        """`guided` means both rows, `cond` only the prompt, `null` only the empty prompt."""
        if self.cutoff is not None and step >= self.cutoff.guided_steps:
            return self.cutoff.tail
        return "guided" if self.guided else "cond"

    def swapped_at(self, step: int) -> bool:
        swap = self.eos_swap
        return swap is not None and swap.from_step <= step < swap.to_step

    def to_json(self) -> dict:
        fields = asdict(self)
        if self.eos_swap is not None:
            fields["eos_swap"] = {"prompt": self.eos_swap.prompt, "from": self.eos_swap.from_step,
                                  "to": self.eos_swap.to_step}
        return fields
