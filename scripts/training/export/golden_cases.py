"""Lists the runs to record: every sampler with and without guidance, and what the method adds."""

from generation_case import Case, Cutoff, EosSwap
from sampler_choice import SAMPLERS

SWAP_PROMPT = "a red car on a white background"
NEGATIVE = "blurry, low quality, watermark"

TEXTS = [
    "", Case("", "").prompt, SWAP_PROMPT, NEGATIVE,
    "It's a CAFÉ!  Two dogs\tand 42 cats, they're HERE!!",
    "naïve ½ cup of ﬁne 日本 tea & 🐦 (highly-detailed) </w> ##",
    " ".join(["bird"] * 18),
]


def cases_of(causal: bool, guidance_scale: float) -> list[Case]:
    """`causal` encoders have an [EOS] that sums up the words before it, so swapping it has an effect."""
    def case(name: str, sampler: str = "ddim", **fields) -> Case:
        return Case(name, sampler, **{"guidance_scale": guidance_scale, **fields})

    cases = [case(sampler, sampler) for sampler in SAMPLERS]
    cases += [case("unguided", guidance_scale=1.0), case("negative", negative_prompt=NEGATIVE),
              case("wide", width=64, height=32, seed=4_000_000_007), case("few_steps", num_inference_steps=7)]
    for tail in ("null", "cond"):
        cases += [case(f"cutoff_{steps}_{tail}", cutoff=Cutoff(steps, tail)) for steps in (0, 2, 5, 10)]
    # the text-free tail takes the empty prompt, whatever the negative prompt says
    cases.append(case("cutoff_negative", negative_prompt=NEGATIVE, cutoff=Cutoff(5, "null")))
    cases += [case(f"cutoff_{sampler}", sampler, cutoff=Cutoff(3, "null"))
              for sampler in SAMPLERS if sampler != "ddim"]
    if causal:
        whole, late = EosSwap(SWAP_PROMPT, 0, 20), EosSwap(SWAP_PROMPT, 4, 9)
        cases += [case("eos_swap", eos_swap=whole), case("eos_swap_window", eos_swap=late),
                  case("eos_swap_back", prompt=SWAP_PROMPT, eos_swap=EosSwap(Case("", "").prompt, 0, 20)),
                  case("eos_swap_cutoff", eos_swap=EosSwap(SWAP_PROMPT, 0, 8), cutoff=Cutoff(5, "cond"))]
    return cases
