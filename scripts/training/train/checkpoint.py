"""Writes a stage's checkpoint folder, state.json and three small arrays, whole or not at all."""

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import nn

import packed_state


def _flat(tensors: list[torch.Tensor]) -> np.ndarray:
    return torch.cat([t.detach().float().reshape(-1).cpu() for t in tensors]).numpy()


def _fill(tensors: list[torch.Tensor], flat: np.ndarray) -> None:
    wanted, position = sum(t.numel() for t in tensors), 0
    if wanted != flat.size:
        raise ValueError(f"a checkpoint must hold {wanted} weights, this one holds {flat.size}")
    with torch.no_grad():
        for tensor in tensors:
            part = flat[position:position + tensor.numel()]
            tensor.copy_(torch.from_numpy(part).view_as(tensor))
            position += tensor.numel()


def _moments(optimiser: torch.optim.Optimizer, parameters: list[nn.Parameter], key: str):
    return [optimiser.state[p][key] for p in parameters]


def save(folder: Path, model: nn.Module, ema: nn.Module, optimiser: torch.optim.Optimizer | None,
         state: dict) -> None:
    """Write `folder` anew. Without an optimiser (a finished stage) only the average is kept."""
    draft = folder.with_name(folder.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    average = _flat(list(ema.parameters())).astype(np.float16)
    np.save(draft / "ema.npy", average)
    if optimiser is not None:
        parameters = list(model.parameters())
        difference = _flat(parameters) - average.astype(np.float32)
        np.savez(draft / "raw_minus_ema.npz", **packed_state.pack_signed(difference))
        first = packed_state.pack_signed(_flat(_moments(optimiser, parameters, "exp_avg")))
        second = packed_state.pack_positive(_flat(_moments(optimiser, parameters, "exp_avg_sq")))
        np.savez(draft / "adam_first.npz", **first)
        np.savez(draft / "adam_second.npz", **second)
    (draft / "state.json").write_text(json.dumps(state, indent=1) + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def read_state(folder: Path) -> dict | None:
    """Return the state.json of a checkpoint, or None where there is none."""
    file = folder / "state.json"
    return json.loads(file.read_text()) if file.exists() else None


def load_ema(folder: Path, model: nn.Module) -> nn.Module:
    """Fill `model` with the averaged weights and return it, ready for inference."""
    if not (folder / "ema.npy").exists():
        raise FileNotFoundError(f"stage {folder.name} must be trained first: no ema.npy in {folder}")
    _fill(list(model.parameters()), np.load(folder / "ema.npy").astype(np.float32))
    return model.eval().requires_grad_(False)


def load(folder: Path, model: nn.Module, ema: nn.Module, optimiser: torch.optim.Optimizer,
         step: int) -> None:
    """Fill model, average and optimiser. A finished stage goes on from its average, with Adam begun anew."""
    average = np.load(folder / "ema.npy").astype(np.float32)
    _fill(list(ema.parameters()), average)
    parameters = list(model.parameters())
    if not (folder / "adam_first.npz").exists():
        _fill(parameters, average)
        return
    with np.load(folder / "raw_minus_ema.npz") as packed:
        _fill(parameters, average + packed_state.unpack_signed(dict(packed), average.size))
    for parameter in parameters:
        optimiser.state[parameter] = {
            "step": torch.tensor(float(step)),
            "exp_avg": torch.zeros_like(parameter),
            "exp_avg_sq": torch.zeros_like(parameter),
        }
    with np.load(folder / "adam_first.npz") as packed:
        first = packed_state.unpack_signed(dict(packed), average.size)
    with np.load(folder / "adam_second.npz") as packed:
        second = packed_state.unpack_positive(dict(packed), average.size)
    _fill(_moments(optimiser, parameters, "exp_avg"), first)
    _fill(_moments(optimiser, parameters, "exp_avg_sq"), second)
