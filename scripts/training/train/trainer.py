"""Runs the loop that every stage shares: schedule, average, progress, checkpoints, exact resume."""

import copy
import math
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Callable

import torch
from torch import nn
from tqdm import tqdm

import checkpoint


@dataclass(frozen=True)
class Plan:
    """How a stage is trained. Nothing here is measured in time, so a paused process loses nothing."""

    steps: int
    batch: int
    learning_rate: float
    warmup: int = 200
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.01
    ema_decay: float = 0.999
    checkpoint_every: int = 1000
    seed: int = 1
    final_share: float = 0.02
    # the last share of the plan in which the learning rate falls; before, it is constant, so that the
    # plan's length may still be changed
    cooldown: float = 1.0


def learning_rate_at(plan: Plan, step: int, begun: int = 0) -> float:
    """Warm up linearly from the step `begun` of the optimiser to the peak, then fall by a half cosine over
    `cooldown` of the plan to `final_share` of it.
    """
    warm = min(1.0, (step - begun + 1) / plan.warmup)
    fallen = (step / plan.steps - (1 - plan.cooldown)) / plan.cooldown
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, fallen))))
    return plan.learning_rate * warm * (plan.final_share + (1 - plan.final_share) * cosine)


def generator_at(plan: Plan, step: int, device: torch.device) -> torch.Generator:
    """All chance of one step comes from (seed, step), so a resumed run draws what the first would have."""
    return torch.Generator(device).manual_seed(plan.seed * 1_000_003 + step)


Losses = dict[str, torch.Tensor]


class Trainer:
    """Trains `model` by a plan and keeps its checkpoint in `folder`."""

    def __init__(self, model: nn.Module, plan: Plan, folder: Path, device: torch.device,
                 facts: dict | None = None):
        self.plan, self.folder, self.device = plan, folder, device
        self.facts = facts if facts is not None else {}
        self.model = model.to(device)
        self.ema = copy.deepcopy(self.model).requires_grad_(False)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), plan.learning_rate, plan.betas, weight_decay=plan.weight_decay,
            fused=True)
        self.step, self.cpu_seconds, self.history = 0, 0.0, []
        self.begun = 0
        self._stop = False
        state = checkpoint.read_state(folder)
        if state is not None:
            self._resume(state)

    def _resume(self, state: dict) -> None:
        # counted in samples, so that another batch goes on where the old one stopped
        self.step = state["samples"] // self.plan.batch
        self.cpu_seconds, self.history = state["cpu_seconds"], state["history"]
        if state["plan"]["seed"] != self.plan.seed:
            raise ValueError(f"stage {self.folder.name} was begun with seed {state['plan']['seed']}; "
                             f"given {self.plan.seed}")
        if self.finished:
            checkpoint.load_ema(self.folder, self.ema)
        else:
            checkpoint.load(self.folder, self.model, self.ema, self.optimiser, self.step)
            # a finished stage starts with a new optimiser
            self.begun = state.get("optimiser_begun", 0) if self.optimiser.state else self.step

    @property
    def finished(self) -> bool:
        return self.step >= self.plan.steps

    def save(self) -> None:
        """Write the checkpoint and go on from its rounded values, as a resumed run will."""
        state = {"step": self.step, "samples": self.step * self.plan.batch, "plan": asdict(self.plan),
                 "cpu_seconds": round(self.cpu_seconds, 1), "optimiser_begun": self.begun,
                 "history": self.history, **self.facts}
        optimiser = None if self.finished else self.optimiser
        checkpoint.save(self.folder, self.model, self.ema, optimiser, state)
        if not self.finished:
            checkpoint.load(self.folder, self.model, self.ema, self.optimiser, self.step)

    def run(self, losses_at: Callable[[int, torch.Generator], Losses]) -> bool:
        """Train until the plan is done (True) or SIGTERM/SIGINT (False); either way a checkpoint is left.

        `losses_at(step, generator)` gives scalars by name; "loss" is the one that is minimised.
        """
        previous = {s: signal.signal(s, self._ask_to_stop) for s in (signal.SIGTERM, signal.SIGINT)}
        bar = tqdm(total=self.plan.steps * self.plan.batch, initial=self.step * self.plan.batch,
                   desc=self.folder.name, unit="sample", smoothing=0.02, mininterval=5)
        try:
            recent: dict[str, float] = {}
            while not self.finished and not self._stop:
                started = time.process_time()
                losses = self._advance(losses_at)
                self.cpu_seconds += time.process_time() - started
                self._note(recent, losses, bar)
                if self.step % self.plan.checkpoint_every == 0 and not self.finished:
                    self.save()
            self.save()
        finally:
            bar.close()
            for number, handler in previous.items():
                signal.signal(number, handler)
        return self.finished

    def _ask_to_stop(self, *_) -> None:
        self._stop = True

    def _advance(self, losses_at) -> Losses:
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate_at(self.plan, self.step, self.begun)
        losses = losses_at(self.step, generator_at(self.plan, self.step, self.device))
        if not torch.isfinite(losses["loss"]):
            raise FloatingPointError(f"the loss must be finite, it is {losses['loss']} at step {self.step}")
        self.optimiser.zero_grad(set_to_none=True)
        losses["loss"].backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        decay = min(self.plan.ema_decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self.ema.parameters()), list(self.model.parameters()), 1 - decay)
        return losses

    def _note(self, recent: dict[str, float], losses: Losses, bar: tqdm) -> None:
        """Keep running means for the bar, and a line of history about every two hundredth of the plan."""
        for name, value in losses.items():
            value = float(value.detach())
            recent[name] = value if name not in recent else 0.98 * recent[name] + 0.02 * value
        bar.update(self.plan.batch)
        bar.set_postfix({k: f"{v:.4f}" for k, v in recent.items()}, refresh=False)
        if self.step % max(1, self.plan.steps // 200) == 0:
            self.history.append([self.step, *(round(v, 5) for v in recent.values())])
            self.facts["history_columns"] = ["step", *recent]
