"""Sets the training world by the number of samples seen: narrow worlds are learnt first."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class World:
    """Ranges from which one scene is drawn. Sizes and shifts in pixels of a 128-pixel image."""

    smallest: float = 90.0
    largest: float = 110.0
    shift: float = 4.0
    turn: float = 0.0
    other_sets: float = 0.15
    textured: float = 0.0
    gradient: float = 0.0
    tinted: float = 0.2
    two_objects: float = 0.0
    natural: float = 0.1
    detail_words: float = 0.0
    # the denoiser never sees an object in its withheld colour: those prompts measure composition
    withhold: bool = False


NARROW = World()
WIDE = World(
    smallest=56.0, largest=114.0, shift=28.0, turn=10.0, other_sets=0.35, textured=0.1, gradient=0.3,
    tinted=0.4, two_objects=0.75, natural=0.08, detail_words=0.5,
)
# samples seen: until the first the world is NARROW, from the last it is WIDE, linear between;
# scenes of two objects come late, since they need every object drawn small
WIDENING = (200_000, 400_000)
SCENES = (300_000, 450_000)


def world_at(samples: int) -> World:
    """Return the denoiser's world after `samples` training samples."""
    values: dict[str, float | bool] = {"withhold": True}
    for name in World.__dataclass_fields__:
        if name in values:
            continue
        start, end = SCENES if name == "two_objects" else WIDENING
        share = float(np.clip((samples - start) / (end - start), 0, 1))
        values[name] = getattr(NARROW, name) + share * (getattr(WIDE, name) - getattr(NARROW, name))
    return World(**values)
