"""Missing numbers filled and numbers scaled, by the training rows: kept with the model as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


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


def _filling(known: np.ndarray, imputation: str | float) -> float:
    if not isinstance(imputation, str):
        return float(imputation)
    if imputation == "none":
        return float("nan")
    if imputation == "most_frequent":
        values, counts = np.unique(known, return_counts=True)
        return float(values[np.argmax(counts)])
    return float(np.median(known) if imputation == "median" else known.mean())
