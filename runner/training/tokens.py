"""Texts as token numbers, kept once for a whole training, and the batches that pad little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: So many batches are sorted by length at a time: enough for little padding, few enough that a batch stays a draw.
MEGA = 32


@dataclass(frozen=True)
class Tokens:
    """The tokens of ``n`` texts, one behind the other: text ``i`` is ``ids[ends[i] : ends[i + 1]]``."""

    #: int32 ``[all tokens]``.
    ids: np.ndarray
    #: int64 ``[n + 1]``.
    ends: np.ndarray

    @classmethod
    def of(cls, lists: list[list[int]]) -> Tokens:
        """From a list of token numbers a text."""
        ends = np.cumsum([0, *map(len, lists)])
        return cls(np.fromiter((token for part in lists for token in part), np.int32, int(ends[-1])), ends)

    def __len__(self) -> int:
        return len(self.ends) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Tokens a text, int64 ``[n]``."""
        return np.diff(self.ends)

    def padded(self, rows: np.ndarray, padding: int) -> tuple[np.ndarray, np.ndarray]:
        """The texts ``rows`` as one batch, padded at the right: ids and mask, int64 ``[len(rows), longest]``."""
        starts, lengths = self.ends[rows], self.lengths[rows]
        columns = np.arange(int(lengths.max(initial=1)))
        mask = columns < lengths[:, None]
        ids = np.full(mask.shape, padding, np.int64)
        ids[mask] = self.ids[(starts[:, None] + columns)[mask]]
        return ids, mask.astype(np.int64)


def grouped_by_length(
    order: Callable[[np.random.Generator], np.ndarray], lengths: np.ndarray, batch_size: int
) -> Callable[[np.random.Generator], np.ndarray]:
    """An epoch's rows so that every batch has rows of similar length.

    ``order`` draws the epoch's rows; ``lengths`` (``[n]``) is by row. Stretches of ``MEGA`` batches are sorted by
    length, longest first, cut into batches, and the batches are shuffled, with the same generator: the rows of an epoch
    stay those that ``order`` drew, and are a function of the generator alone. A batch that is not full comes last.
    """

    def rows(rng: np.random.Generator) -> np.ndarray:
        drawn = order(rng)
        stretch = batch_size * MEGA
        parts = [drawn[at : at + stretch] for at in range(0, len(drawn), stretch)]
        sorted_ = np.concatenate([part[np.argsort(-lengths[part], kind="stable")] for part in parts] or [drawn])
        whole = len(sorted_) // batch_size * batch_size
        batches = sorted_[:whole].reshape(-1, batch_size)
        return np.concatenate([batches[rng.permutation(len(batches))].ravel(), sorted_[whole:]])

    return rows
