"""One side of a split of pictures with boxes, as a learner gets it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from runner.data.images.picture_places import Pictures


@dataclass(frozen=True)
class Boxes:
    """The boxes of one picture, none at all perhaps."""

    #: Left, top, right and bottom in pixels of the picture once it is turned: float64 ``[n, 4]``.
    corners: np.ndarray
    #: Codes of their classes: int64 ``[n]``.
    labels: np.ndarray
    #: Which lie around a crowd: bool ``[n]``. Nothing is learned of those, and what is found in them is not judged.
    crowd: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class BoxSplit:
    """Pictures by their places, and the boxes in each."""

    pictures: Pictures
    #: Width and height of each once it is turned: int64 ``[n, 2]``.
    sizes: np.ndarray
    boxes: tuple[Boxes, ...]
    #: The classes in the order of their codes.
    classes: tuple[str, ...]
    #: Numbers made of the pictures' bytes: uint64 ``[n]``.
    keys: np.ndarray
    #: Of each picture its group, int64 ``[n]``, where the spec names a group column.
    groups: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: np.ndarray) -> BoxSplit:
        """Some of them, by index."""
        return replace(
            self,
            pictures=self.pictures.take(rows),
            sizes=self.sizes[rows],
            boxes=tuple(self.boxes[at] for at in rows.tolist()),
            keys=self.keys[rows],
            groups=None if self.groups is None else self.groups[rows],
        )
