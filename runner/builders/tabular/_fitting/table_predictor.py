"""What both kinds' predictors do with a stored table: they differ in what their targets are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from runner.builders.tabular._fitting.stored_table import StoredTable
from runner.tasks._supervised.supervised_predictor import SupervisedPredictor


class TablePredictor(SupervisedPredictor):
    """The base of them. A subclass takes ``targets`` from the stored table."""

    def __init__(self, stored: StoredTable) -> None:
        self._stored = stored

    @classmethod
    def load(cls, directory: Path, device: str = "cpu", cache: Path | None = None) -> Self:
        """Read what training wrote. Raises :class:`~runner.errors.IntegrityError` for anything else."""
        return cls(StoredTable.load(directory, device))

    def predict(self, rows: Sequence[Any], options: Any = None, batch_size: int = 128) -> dict[str, np.ndarray]:
        """By target, in the rows' order: probabilities float64 ``[n, classes]``, or numbers float64 ``[n]``."""
        return self._stored.predict(rows)

    def predict_part(self, part: Any) -> dict[str, np.ndarray]:
        """The same for one side of a loaded table. Raises ``DataError`` for one of other columns."""
        return self._stored.predict_part(part)

    def provenance(self) -> dict[str, Any]:
        """What the rows so far had that training did not."""
        return self._stored.provenance()

    def closing(self) -> list[str]:
        """The same in sentences."""
        return self._stored.closing()
