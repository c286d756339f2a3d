"""One side of a split of pictures, as a learner gets it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from runner.data.images.picture_places import Pictures


@dataclass(frozen=True)
class PictureSplit:
    """Pictures by their places, and what each is."""

    pictures: Pictures
    #: One target -> int64 codes of its classes, or float64 numbers: ``[n]``; code -1 is a class that training lacks.
    targets: dict[str, np.ndarray]
    #: Target -> its classes in the order of their codes; of numbers, none.
    classes: dict[str, tuple[str, ...]]
    #: Numbers made of the pictures' bytes: uint64 ``[n]``.
    keys: np.ndarray
    #: Of each picture its group, int64 ``[n]``, where the spec names a group column.
    groups: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: np.ndarray) -> PictureSplit:
        """Some of them, by index."""
        return replace(
            self,
            pictures=self.pictures.take(rows),
            targets={name: values[rows] for name, values in self.targets.items()},
            keys=self.keys[rows],
            groups=None if self.groups is None else self.groups[rows],
        )
