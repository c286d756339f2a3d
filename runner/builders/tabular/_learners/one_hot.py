"""Categories as columns of 0 and 1, by arrays that are stored with a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class OneHot:
    """A column of 0 and 1 for every kept category, ``(column, code)`` in order: int64 ``[k]`` each.

    A category that is not kept, was not seen, or is missing is a row of zeros.
    """

    column: np.ndarray
    code: np.ndarray

    @classmethod
    def of(cls, inputs: np.ndarray, columns: Sequence[int], most: int, *, skip_wider: bool = False) -> OneHot:
        """The ``most`` most frequent categories of each column, the lower code first among equals.

        With ``skip_wider`` a column of more categories is left out as a whole.
        """
        kept: list[tuple[int, int]] = []
        for column in columns:
            values = inputs[:, column]
            codes, counts = np.unique(values[~np.isnan(values)].astype(np.int64), return_counts=True)
            if skip_wider and len(codes) > most:
                continue
            frequent = codes[np.argsort(-counts, kind="stable")[:most]]
            kept += [(column, int(code)) for code in np.sort(frequent)]
        return cls(np.array([column for column, _ in kept], np.int64), np.array([code for _, code in kept], np.int64))

    def __len__(self) -> int:
        return len(self.column)

    def places(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row and one-hot column of every 1, int64 each."""
        rows, columns = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for column in np.unique(self.column):
            own = np.flatnonzero(self.column == column)
            codes = self.code[own]
            values = np.nan_to_num(inputs[:, column], nan=-1.0).astype(np.int64)
            place = np.searchsorted(codes, values).clip(max=len(codes) - 1)
            known = np.flatnonzero(codes[place] == values)
            rows.append(known)
            columns.append(own[place[known]])
        return np.concatenate(rows), np.concatenate(columns)

    def dense(self, inputs: np.ndarray) -> np.ndarray:
        """float32 ``[n, k]``."""
        table = np.zeros((len(inputs), len(self)), np.float32)
        table[self.places(inputs)] = 1.0
        return table
