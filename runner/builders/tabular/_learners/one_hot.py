"""Columns of numbers and codes as the columns of a linear model or of trees, by arrays that are stored with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from scipy import sparse

    from runner.builders.tabular._learners.table import TrainingTable


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
            fill[place] = np.median(known) if impute == "median" else known.mean()
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
