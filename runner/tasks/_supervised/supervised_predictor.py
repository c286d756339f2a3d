"""What every predictor of classes or numbers has, beside ``load`` and ``predict``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class SupervisedPredictor:
    """The base of such predictors. ``targets`` is a mapping to the classes' names, or the names of the numbers."""

    targets: Any = ()
    #: Of targets with two classes: the probability from which on a row is of the second.
    thresholds: Mapping[str, float] = {}

    def predict(self, rows: Sequence[Any], options: Any, batch_size: int) -> dict[str, Any]:
        """By target: probabilities float64 ``[n, classes]``, or numbers float64 ``[n]``."""
        raise NotImplementedError

    def predict_part(self, part: Any) -> dict[str, Any]:
        """The same for one side of a loaded data set, with ``targets``, ``classes``, ``groups`` and ``take``."""
        raise NotImplementedError

    def provenance(self) -> dict[str, Any]:
        """What was met in the rows that the provenance should say, such as unseen categories with their counts."""
        return {}

    def closing(self) -> list[str]:
        """The same in sentences, for the person who asked."""
        return []
