"""What a detector finds in one picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FoundBoxes:
    """Boxes with a class and a score each, in any order."""

    #: Left, top, right and bottom in pixels: float64 ``[n, 4]``.
    corners: np.ndarray
    #: Codes of classes: int64 ``[n]``.
    labels: np.ndarray
    #: float64 ``[n]``.
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def best(self, most: int, threshold: float = 0.0) -> FoundBoxes:
        """Those of at least a score, the surest first, at most so many."""
        order = np.argsort(-self.scores, kind="stable")[:most]
        order = order[self.scores[order] >= threshold]
        return FoundBoxes(self.corners[order], self.labels[order], self.scores[order])


def overlaps(found: np.ndarray, true: np.ndarray, crowd: np.ndarray | None = None) -> np.ndarray:
    """Intersection over union of boxes ``[n, 4]`` and ``[m, 4]``: float64 ``[n, m]``.

    With those of a crowd, bool ``[m]``, it is the share of the found box that lies in it.
    """
    corner = np.maximum(found[:, None, :2], true[None, :, :2])
    shared = np.prod(np.clip(np.minimum(found[:, None, 2:], true[None, :, 2:]) - corner, 0, None), axis=2)
    own, other = (np.prod(np.clip(each[:, 2:] - each[:, :2], 0, None), axis=1) for each in (found, true))
    union = own[:, None] + other[None] - shared
    if crowd is not None:
        union = np.where(crowd[None], own[:, None], union)
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
