"""Reuses encoded scenes in a sliding pool, since drawing and encoding cost as much as a training step."""

import itertools
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch

from curriculum import World, world_at
from dual_encoder import DualEncoder
from scene import Painter
from tokenizer import Tokenizer
from vae import Autoencoder, LatentScale
from vae_stage import to_pixels

CHUNK = 512
CHUNKS = 32
# a chunk enters for every REUSE * CHUNK samples trained, so a scene is used REUSE times on average
REUSE = 8

_painter: Painter | None = None


def chunk_world(chunk: int, chunks: int = CHUNKS) -> World:
    """Return the world of chunk number `chunk`: that of the sample at which it enters the pool."""
    return world_at(max(0, chunk - chunks + 1) * CHUNK * REUSE)


def _open_painter(sprite_file: Path) -> None:
    global _painter
    _painter = Painter(sprite_file)


def _draw(seed: int, world: World, start: int, count: int, painter: Painter | None = None):
    """Return images uint8 and captions of scenes start .. start+count of `world`."""
    painter = painter if painter is not None else _painter
    scenes = [painter.draw(world, "train", seed, i) for i in range(start, start + count)]
    return np.stack([s.image for s in scenes]), [s.caption for s in scenes]


class LatentPool:
    """Chunk k holds scenes k*CHUNK.. of the world after k*CHUNK*REUSE samples: a function of k alone.

    So the pool at any step can be built again from the seed and the step, which makes resuming exact.
    With `workers` processes the next chunk is drawn ahead of its turn (for a GPU, which is faster than
    one core can draw).
    """

    def __init__(self, sprite_file: Path, vae: Autoencoder, scale: LatentScale, text: DualEncoder,
                 tokenizer: Tokenizer, seed: int, device: torch.device, workers: int = 0,
                 chunks: int = CHUNKS):
        self._painter = Painter(sprite_file)
        self._vae, self._scale, self._text, self._tokenizer = vae, scale, text, tokenizer
        self._seed, self._device, self._workers = seed, device, workers
        self._newest = -1
        self._ahead: dict[int, list[Future]] = {}
        self._executor = ProcessPoolExecutor(
            workers, initializer=_open_painter, initargs=(sprite_file,)) if workers else None
        self.latents: torch.Tensor = torch.empty(0)
        self.states: torch.Tensor = torch.empty(0)
        self._chunks, self._size = chunks, CHUNK * chunks

    def _parts(self, chunk: int) -> list[tuple[int, World, int, int]]:
        """Split a chunk into arguments of _draw, one for each worker."""
        world, step = chunk_world(chunk, self._chunks), CHUNK // 8
        return [(self._seed, world, chunk * CHUNK + offset, step) for offset in range(0, CHUNK, step)]

    def _scenes(self, chunk: int):
        if self._executor is None:
            return [_draw(*part, self._painter) for part in self._parts(chunk)]
        for number in range(chunk, chunk + 2 * self._workers):
            if number not in self._ahead:
                self._ahead[number] = [self._executor.submit(_draw, *p) for p in self._parts(number)]
        return [future.result() for future in self._ahead.pop(chunk)]

    @torch.no_grad()
    def _encode(self, chunk: int) -> None:
        place = chunk % self._chunks * CHUNK
        for images, captions in self._scenes(chunk):
            end = place + len(captions)
            mean, _ = self._vae.encoder(to_pixels(images).to(self._device))
            latents = self._scale.normalise(mean)
            states, _ = self._text.text(self._tokenizer.batch(captions).to(self._device))
            if not len(self.latents):
                self.latents = latents.new_empty((self._size, *latents.shape[1:]), dtype=torch.float16)
                self.states = states.new_empty((self._size, *states.shape[1:]), dtype=torch.float16)
            self.latents[place:end], self.states[place:end] = latents.half(), states.half()
            place = end

    def advance_to(self, samples: int) -> None:
        """Hold the chunks that belong to the pool after `samples` training samples."""
        newest = samples // (CHUNK * REUSE) + self._chunks - 1
        oldest = max(self._newest + 1, newest - self._chunks + 1)
        for chunk in range(oldest, newest + 1):
            self._encode(chunk)
        self._newest = newest

    def batch(self, size: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw latents float32 (size, 12, 8, 8) and text states float32 (size, 32, 192) with `generator`."""
        rows = torch.randint(self._size, (size,), generator=generator, device=generator.device)
        return self.latents[rows].float(), self.states[rows].float()

    def close(self) -> None:
        if self._executor is not None:
            for future in itertools.chain.from_iterable(self._ahead.values()):
                future.cancel()
            self._executor.shutdown()
