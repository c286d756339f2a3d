"""The examples of a training on token rows: each a row, or several that are packed into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from runner.builders.language._rows.packing import packed
from runner.builders.language._rows.token_rows import Batch, TokenRows


@dataclass(frozen=True)
class Examples:
    """Rows, and which of them are packed together (row numbers by example); None where none are."""

    rows: TokenRows
    bins: Sequence[np.ndarray] | None = None

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of every example, int64 ``[n]``."""
        return self._added(self.rows.lengths)

    @cached_property
    def mass(self) -> np.ndarray:
        """The sum of every example's weights, float64 ``[n]``."""
        return self._added(self.rows.mass)

    @cached_property
    def trained(self) -> np.ndarray:
        """Tokens of every example that count, int64 ``[n]``."""
        return self._added(self.rows.trained)

    def batch(self, some: np.ndarray, padding: int, device: str) -> Batch:
        """Some examples as one batch."""
        if self.bins is None:
            return self.rows.batch(some, padding, device)
        return packed(self.rows, [self.bins[number] for number in some], padding, device)

    def _added(self, values: np.ndarray) -> np.ndarray:
        if self.bins is None:
            return values
        return np.array([values[some].sum() for some in self.bins], values.dtype)
