"""Columns of numbers and codes as the columns of a linear model, by arrays that are stored with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.builders.tabular._learners.imputation_and_scaling import Scaling
from runner.builders.tabular._learners.one_hot import OneHot

if TYPE_CHECKING:
    from scipy import sparse


@dataclass(frozen=True)
class Encoding:
    """All columns of a linear model: scaled numbers, flags of missing ones, categories."""

    scaling: Scaling
    one_hot: OneHot

    def __len__(self) -> int:
        return len(self.scaling) + len(self.one_hot)

    def transform(self, inputs: np.ndarray) -> np.ndarray | sparse.csr_matrix:
        """float64 ``[n, columns]``: sparse where there are categories, of which most cells are 0."""
        numbers = self.scaling.transform(inputs)
        if not len(self.one_hot):
            return numbers
        from scipy import sparse

        rows, columns = self.one_hot.places(inputs)
        ones = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(inputs), len(self.one_hot)))
        return sparse.hstack([sparse.csr_matrix(numbers), ones], format="csr")

    def tensors(self) -> dict[str, np.ndarray]:
        """Its arrays by name."""
        return {f"scaling/{name}": getattr(self.scaling, name) for name in Scaling.__dataclass_fields__} | {
            f"one_hot/{name}": getattr(self.one_hot, name) for name in OneHot.__dataclass_fields__
        }

    @classmethod
    def read(cls, tensors: Mapping[str, Any], n_features: int) -> Encoding:
        """What :meth:`tensors` gave. Raises ``KeyError`` or ``ValueError`` for anything else."""
        scaling = Scaling(**{name: tensors[f"scaling/{name}"] for name in Scaling.__dataclass_fields__})
        one_hot = OneHot(**{name: tensors[f"one_hot/{name}"] for name in OneHot.__dataclass_fields__})
        for columns in (scaling.column, scaling.flagged, one_hot.column):
            if len(columns) and not 0 <= columns.min() <= columns.max() < n_features:
                raise ValueError(f"columns that are not among {n_features}")
        return cls(scaling, one_hot)
