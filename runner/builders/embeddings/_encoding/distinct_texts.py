"""Texts that come several times, each kept once: many of them on disk, and known by 64 bits each."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.data.holdout import text_key
from runner.data.kept_rows import KEYS, KeptRows, as_keys


@dataclass(frozen=True)
class DistinctTexts:
    """``n`` texts in the order in which they come first."""

    texts: Sequence[str]
    #: A number for each, uint64 ``[n]``.
    keys: np.ndarray

    def __len__(self) -> int:
        return len(self.keys)

    @classmethod
    def of(cls, every: Callable[[], Iterable[str]], cache: Path) -> tuple[DistinctTexts, np.ndarray]:
        """The texts of ``every()``, which is gone through twice, and the place of each of those among them, int64."""
        keys = array(KEYS)
        for text in every():
            keys.append(text_key(text))
        distinct, first, which = np.unique(as_keys(keys), return_index=True, return_inverse=True)
        order = np.argsort(first)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        kept: KeptRows[str] = KeptRows(cache)
        wanted = first[order]
        for at, text in enumerate(every()):
            if len(kept) < len(wanted) and at == wanted[len(kept)]:
                kept.append(text)
        return cls(kept.all(), distinct[order]), place[which]


class OwnTexts:
    """Which texts belong to each of ``count`` anchors, by the texts' numbers."""

    def __init__(self, count: int, anchors: np.ndarray, keys: np.ndarray) -> None:
        """Text ``keys[i]`` (uint64) belongs to the anchor at the place ``anchors[i]`` (int64)."""
        order = np.lexsort((keys, anchors))
        anchors, keys = anchors[order], keys[order]
        new = np.ones(len(keys), bool)
        new[1:] = (anchors[1:] != anchors[:-1]) | (keys[1:] != keys[:-1])
        self._keys = keys[new]
        self._ends = np.searchsorted(anchors[new], np.arange(count + 1))

    def __getitem__(self, anchor: int) -> set[int]:
        """The numbers of those of one anchor."""
        return set(self._keys[self._ends[anchor] : self._ends[anchor + 1]].tolist())
