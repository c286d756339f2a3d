"""What a detector found in held-out pictures, beside what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runner.data.boxes.box_side import BoxSplit
from runner.tasks.detection.average_precision import OVERLAPS, ClassMatches, match
from runner.tasks.detection.found_boxes import FoundBoxes


@dataclass(frozen=True)
class Judged:
    """What a detector found, class by class, with the precision and recall of each: float64 ``[classes, 10]``."""

    matches: list[ClassMatches]
    precision: np.ndarray
    recall: np.ndarray


def judge(found: Sequence[FoundBoxes], part: BoxSplit) -> Judged:
    """Every class with its precision and recall."""
    matches = match(found, part.boxes, len(part.classes))
    both = [one.precision_and_recall() for one in matches]
    shape = (len(part.classes), len(OVERLAPS))
    return Judged(matches, *(np.array([one[at] for one in both]).reshape(shape) for at in (0, 1)))
