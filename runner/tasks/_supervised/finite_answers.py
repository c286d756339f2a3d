"""Only finite numbers leave a model: the first row for which it gives another is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from runner.errors import RunFailed


def check_finite(values: np.ndarray, what: str, rows: Sequence[Any]) -> None:
    """Raise :class:`~runner.errors.RunFailed` for the first of ``rows`` with a value, ``[n, ...]``, that is not finite.

    ``what`` is what the model gave, such as ``the score of 'price'``.
    """
    bad = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
    if len(bad):
        raise RunFailed(
            f"{what} is not a finite number for {_row(rows[bad[0]], int(bad[0]))}",
            hint="the row's numbers are too large for the model, or its training diverged: train it again",
        )


def _row(row: Any, at: int) -> str:
    """A row as its reader finds it: by its id, else by its line, else by its place among those asked together."""
    name, line = getattr(row, "id", None), getattr(row, "line", 0)
    if name is not None:
        return f"the row with the id {name!r}"
    return f"the row of line {line}" if line else f"row {at + 1} of its batch"
