"""Which rows are used: sampling, and the split by prompt. Pure, seeded, the same on every machine.

Choices are made by sorting SHA-256 digests of (seed, content), not by a generator whose stream a library may change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np


def sample(digests: Sequence[bytes], size: int, seed: int, spare: np.ndarray | None = None) -> np.ndarray:
    """Indices of ``size`` rows, in the file's order: int64. A row is known by its content's digest.

    ``spare`` rows, bool ``[n]``, are taken once there are no others.
    """
    if size >= len(digests):
        return np.arange(len(digests))
    order = _order(digests, seed, b"sample")
    if spare is not None:
        order = np.concatenate([order[~spare[order]], order[spare[order]]])
    return np.sort(order[:size])


def split(keys: Sequence[str], fraction: float, seed: int, spare: np.ndarray | None = None) -> np.ndarray:
    """The rows of the validation split: bool ``[n]``; rows with one key are on one side together.

    ``spare`` rows, bool ``[n]``, have no say in it: they go where others of their key go, and with none, to training.
    Where the others have fewer than two keys, all have a say.

    Keys are taken in a seeded order until the split is as near to ``fraction`` of the rows as whole keys allow,
    and at least one key is on each side. Raises ValueError when there are fewer than two keys to divide.
    """
    if fraction == 0:
        return np.zeros(len(keys), bool)
    if spare is not None and spare.any() and len({key for key, less in zip(keys, spare, strict=True) if not less}) > 1:
        full = [key for key, less in zip(keys, spare, strict=True) if not less]
        held = {key for key, side in zip(full, split(full, fraction, seed), strict=True) if side}
        return np.array([key in held for key in keys], bool)
    distinct, key = np.unique(np.array(keys, dtype=object), return_inverse=True)
    if len(distinct) < 2:
        raise ValueError("one key cannot be divided")
    order = _order([hashlib.sha256(text.encode()).digest() for text in distinct], seed, b"split")
    rows = np.cumsum(np.bincount(key)[order])
    count = int(np.argmin(np.abs(rows[:-1] - fraction * len(keys)))) + 1
    chosen = np.zeros(len(distinct), bool)
    chosen[order[:count]] = True
    return chosen[key]


def split_key(prompt: str) -> str:
    """What makes two prompts the same for the split: their words, whatever the case and the spacing."""
    return " ".join(prompt.split()).casefold()


def _order(digests: Sequence[bytes], seed: int, purpose: bytes) -> np.ndarray:
    salt = b"%b %d " % (purpose, seed)
    ranks = [hashlib.sha256(salt + digest).digest() for digest in digests]
    return np.array(sorted(range(len(ranks)), key=lambda at: (ranks[at], at)), np.int64)
