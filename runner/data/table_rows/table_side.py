"""One side of a table's split, as a learner gets it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from runner.data.table_rows.column_encoding import Columns


@dataclass(frozen=True)
class TableSplit:
    """Rows of a table: inputs as numbers, targets as codes of classes or as numbers."""

    columns: Columns
    #: float32 ``[n, len(columns.features)]``: NaN is missing; a category is its code.
    matrix: np.ndarray
    #: Target -> int64 codes or float64 numbers ``[n]``.
    targets: dict[str, np.ndarray]
    #: Target -> its classes in the order of their codes; of numbers, none.
    classes: dict[str, tuple[str, ...]]
    #: Numbers made of the rows' content: uint64 ``[n]``.
    keys: np.ndarray
    #: Of each row its group, int64 ``[n]``, where the spec names a group column.
    groups: np.ndarray | None = None
    #: Of each row its time, float64 ``[n]``, where the spec names a time column.
    times: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: np.ndarray) -> TableSplit:
        """Some rows, by index or mask."""
        return replace(
            self,
            matrix=self.matrix[rows],
            targets={name: values[rows] for name, values in self.targets.items()},
            keys=self.keys[rows],
            groups=None if self.groups is None else self.groups[rows],
            times=None if self.times is None else self.times[rows],
        )
