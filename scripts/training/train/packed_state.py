"""Packs training state: fp16 averages, 8-bit differences and 8-bit Adam moments.

Rounding is part of the trajectory: after a save, training goes on from the rounded values (checkpoint.py),
so a run that stops and resumes is the same run.
"""

import numpy as np

BLOCK = 128


def _blocks(flat: np.ndarray) -> np.ndarray:
    rows = -(-flat.size // BLOCK)
    return np.pad(flat, (0, rows * BLOCK - flat.size), mode="edge").reshape(rows, BLOCK)


def pack_signed(flat: np.ndarray) -> dict[str, np.ndarray]:
    """float32 (n,) -> int8 codes with one float32 scale per BLOCK values (error <= 0.4 % of its largest)."""
    blocks = _blocks(flat)
    scale = np.abs(blocks).max(1, keepdims=True) / 127
    codes = np.rint(blocks / np.where(scale == 0, 1, scale)).astype(np.int8)
    return {"codes": codes, "scale": scale.astype(np.float32)}


def unpack_signed(packed: dict[str, np.ndarray], size: int) -> np.ndarray:
    return (packed["codes"].astype(np.float32) * packed["scale"]).reshape(-1)[:size]


def pack_positive(flat: np.ndarray) -> dict[str, np.ndarray]:
    """float32 (n,) >= 0 -> uint8 codes of log2, ranged per BLOCK: small values never become zero.

    Linear 8-bit codes would round small second moments to zero and blow up Adam's next step.
    """
    logs = np.log2(np.maximum(_blocks(flat), 1e-30))
    low, high = logs.min(1, keepdims=True), logs.max(1, keepdims=True)
    span = np.where(high > low, high - low, 1)
    codes = np.rint((logs - low) / span * 255).astype(np.uint8)
    return {"codes": codes, "low": low.astype(np.float32), "span": span.astype(np.float32)}


def unpack_positive(packed: dict[str, np.ndarray], size: int) -> np.ndarray:
    logs = packed["low"] + packed["codes"].astype(np.float32) / 255 * packed["span"]
    return np.exp2(logs).reshape(-1)[:size].astype(np.float32)
