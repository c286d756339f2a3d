"""What a detector has to beat: boxes that do not hang on the picture."""

from __future__ import annotations

import numpy as np

from runner.data.boxes.box_side import BoxSplit
from runner.tasks._supervised.measured_baselines import Baselines, Measured
from runner.tasks.detection import TASK
from runner.tasks.detection.found_boxes import FoundBoxes
from runner.tasks.detection.judged_boxes import judge
from runner.tasks.detection.measuring import score
from runner.tasks.detection.thresholds import best_threshold


def whole_picture(train: BoxSplit, held: BoxSplit) -> list[FoundBoxes]:
    """Every class around the whole picture, as sure as it is frequent in training."""
    share = _shares(train)
    codes = np.arange(len(share))
    return [FoundBoxes(np.tile([0.0, 0.0, *size], (len(codes), 1)), codes, share) for size in held.sizes.tolist()]


def other_picture(train: BoxSplit, held: BoxSplit, seed: int) -> list[FoundBoxes]:
    """The boxes of a drawn picture of training, stretched to this one's size, as sure as their class is frequent."""
    rng = np.random.default_rng([seed, len(train)])
    share, found = _shares(train), []
    for size in held.sizes:
        at = int(rng.integers(len(train)))
        scale = np.tile(size / np.maximum(train.sizes[at], 1), 2)
        own = train.boxes[at]
        found.append(FoundBoxes(own.corners * scale, own.labels, share[own.labels]))
    return found


def baselines(train: BoxSplit, held: BoxSplit, *, seed: int) -> Baselines:
    """Both, measured on the held-out pictures."""
    said = {"whole picture": whole_picture(train, held), "boxes of another picture": other_picture(train, held, seed)}
    measured: dict[str, Measured] = {}
    for name, found in said.items():
        judged = judge(found, held)
        metrics, redrawn = score(judged, held, seed)
        measured[name] = metrics | {"f1": best_threshold(judged.matches)[1]}, redrawn
    return Baselines(TASK, measured, share=True)


def _shares(train: BoxSplit) -> np.ndarray:
    labels = np.concatenate([own.labels for own in train.boxes])
    counts = np.bincount(labels, minlength=len(train.classes))
    return counts / max(counts.sum(), 1)
