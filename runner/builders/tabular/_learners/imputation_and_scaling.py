"""Missing numbers filled and numbers scaled, by the training rows.

:class:`Preparation` is what a spec's ``imputation`` and ``scaling`` say, the same for every learner and kept with the
model as JSON; :class:`Scaling` is what a linear model and a network do with their inputs behind it, kept with their own
arrays. What stands for a missing value is found the same way for both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from runner.builders.tabular._learners.table import TrainingTable


@dataclass(frozen=True)
class Preparation:
    """By column of the matrix: what stands for a missing value (NaN leaves it), what is taken off, what divides."""

    fill: np.ndarray
    centre: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, matrix: np.ndarray, categorical: list[int], imputation: str | float, scaling: str) -> Preparation:
        """From float32 ``[n, f]``. Columns that are codes of categories stay as they are."""
        columns = matrix.shape[1]
        fill, centre, scale = np.full(columns, np.nan), np.zeros(columns), np.ones(columns)
        for at in range(columns):
            known = matrix[:, at].astype(np.float64)
            known = known[~np.isnan(known)]
            if at in categorical or not len(known):
                continue
            fill[at] = _filling(known, imputation)
            if scaling == "standard":
                centre[at], scale[at] = known.mean(), known.std()
            elif scaling == "minmax":
                centre[at], scale[at] = known.min(), known.max() - known.min()
            elif scaling == "robust":
                low, centre[at], high = np.percentile(known, (25, 50, 75))
                scale[at] = high - low
        scale[scale == 0] = 1.0
        return cls(fill, centre, scale)

    def apply(self, matrix: np.ndarray) -> np.ndarray:
        """A matrix of the same shape; the one that is given stays as it is."""
        if np.isnan(self.fill).all() and not self.centre.any() and (self.scale == 1).all():
            return matrix
        filled = np.where(np.isnan(matrix), self.fill, matrix)
        return ((filled - self.centre) / self.scale).astype(np.float32)

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it: null for a column that keeps what is missing."""
        fill = [None if np.isnan(value) else float(value) for value in self.fill]
        return {"fill": fill, "centre": self.centre.tolist(), "scale": self.scale.tolist()}

    @classmethod
    def read_dict(cls, document: Mapping[str, Any]) -> Preparation:
        """What :meth:`as_dict` wrote."""
        fill = [np.nan if value is None else value for value in document["fill"]]
        return cls(*(np.array(values, np.float64) for values in (fill, document["centre"], document["scale"])))


@dataclass(frozen=True)
class Scaling:
    """Numeric columns filled and scaled, and a column of 0 and 1 for each that had missing values in training."""

    column: np.ndarray  # int64 [k]: which columns are numeric
    fill: np.ndarray  # float64 [k]: what stands for a missing value
    center: np.ndarray  # float64 [k]
    spread: np.ndarray  # float64 [k], positive
    flagged: np.ndarray  # int64 [m]: the columns whose being missing is told

    @classmethod
    def of(cls, table: TrainingTable, *, impute: str = "mean", scale: bool = True) -> Scaling:
        """Learned from training rows, unweighted. A column without any value is filled with 0."""
        columns = np.array(table.numeric, np.int64)
        fill, center, spread = np.zeros(len(columns)), np.zeros(len(columns)), np.ones(len(columns))
        missing = np.zeros(len(columns), bool)
        for place, column in enumerate(columns):
            values = table.inputs[:, column].astype(np.float64)
            known = values[~np.isnan(values)]
            missing[place] = 0 < len(known) < len(values)
            if not len(known):
                continue
            fill[place] = _filling(known, impute)
            if scale:
                filled = np.where(np.isnan(values), fill[place], values)
                deviation = float(filled.std())
                center[place] = filled.mean()
                # A column that does not vary, but for rounding, tells nothing at any scale.
                spread[place] = deviation if deviation > 1e-9 * max(1.0, abs(center[place])) else 1.0
        return cls(columns, fill, center, spread, columns[missing])

    def __len__(self) -> int:
        return len(self.column) + len(self.flagged)

    def transform(self, inputs: np.ndarray) -> np.ndarray:
        """float64 ``[n, k + m]``. Filled in place, a column at a time: a table of millions of rows is held once."""
        values = np.empty((len(inputs), len(self)))
        for place, column in enumerate(self.column):
            own = inputs[:, column].astype(np.float64)
            own[np.isnan(own)] = self.fill[place]
            values[:, place] = (own - self.center[place]) / self.spread[place]
        values[:, len(self.column) :] = np.isnan(inputs[:, self.flagged])
        return values


def _filling(known: np.ndarray, imputation: str | float) -> float:
    if not isinstance(imputation, str):
        return float(imputation)
    if imputation == "none":
        return float("nan")
    if imputation == "most_frequent":
        values, counts = np.unique(known, return_counts=True)
        return float(values[np.argmax(counts)])
    return float(np.median(known) if imputation == "median" else known.mean())
