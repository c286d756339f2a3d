"""One side of the split of texts with labels or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from runner.contract import Table
from runner.data.kept_rows import taken

#: The two answers to a label of many.
NO, YES = "no", "yes"


@dataclass(frozen=True)
class LabelledSide:
    """Texts, and what is to be told of them. Many of them lie on disk (:class:`~runner.data.kept_rows.KeptRows`)."""

    #: Each row's texts, one for each text column.
    texts: Sequence[tuple[str, ...]]
    #: Whether the two texts of a row are a pair; else they stand one below the other.
    paired: bool
    #: Target -> int64 codes or float64 numbers ``[n]``; -1 is a class that training does not have.
    targets: dict[str, np.ndarray]
    #: Target -> its classes in the order of their codes; of numbers, none.
    classes: dict[str, tuple[str, ...]]
    #: Whether each target is a label that a row has or has not, of which it may have several.
    many: bool
    #: Numbers made of the rows' content: uint64 ``[n]``; and the line or the number of each in its file.
    keys: np.ndarray
    lines: np.ndarray
    #: Of each row its group, int64 ``[n]``, where the spec names a group column.
    groups: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: np.ndarray) -> LabelledSide:
        """Some rows, by index or mask."""
        chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
        return replace(
            self,
            texts=taken(self.texts, chosen),
            targets={name: values[chosen] for name, values in self.targets.items()},
            keys=self.keys[chosen],
            lines=self.lines[chosen],
            groups=None if self.groups is None else self.groups[chosen],
        )


def preview(side: LabelledSide, count: int) -> Table:
    """The first rows: their texts and their targets."""
    width = len(side.texts[0]) if len(side) else 1
    columns = ["text"] if width == 1 else [f"text {at + 1}" for at in range(width)]
    rows: list[list[Any]] = []
    for at in range(min(count, len(side))):
        cells: list[Any] = list(side.texts[at])
        if side.many:
            cells.append(", ".join(name for name, values in side.targets.items() if values[at] == 1))
        else:
            cells += [
                side.classes[name][int(values[at])] if side.classes[name] else float(values[at])
                for name, values in side.targets.items()
            ]
        rows.append(cells)
    return Table("rows", "Training rows", [*columns, *(["labels"] if side.many else side.targets)], rows)
