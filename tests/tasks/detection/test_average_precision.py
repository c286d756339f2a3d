"""Average precision and recall: what pycocotools 2.0.11 gave for the same boxes, and cases that can be told by eye."""

from __future__ import annotations

import numpy as np
import pytest

from runner.data.boxes.box_side import Boxes
from runner.tasks.detection.average_precision import match
from runner.tasks.detection.found_boxes import FoundBoxes
from runner.tasks.detection.thresholds import best_threshold

#: Seed -> AP, AP50, AP75 and AR of 100, of ``COCOeval.stats`` 0, 1, 2 and 8.
RECORDED = {
    0: (0.1753451724009081, 0.3956455083156927, 0.14893517239773396, 0.5957363489972186),
    1: (0.20529026896819388, 0.40782110991308707, 0.19340581297096415, 0.5900284066267674),
    4: (0.1716915575747856, 0.377628540430775, 0.13912758570544836, 0.6003758741258741),
}


def drawn(seed: int, pictures: int = 30, classes: int = 4) -> tuple[list[Boxes], list[FoundBoxes]]:
    """True and found boxes: crowds, pictures without a box, scores that are equal, a class that is never there."""
    rng = np.random.default_rng(seed)
    true, found = [], []
    for _ in range(pictures):
        count, said = int(rng.integers(0, 12)), int(rng.integers(0, 150))
        places, sizes = rng.integers(0, 400, (count, 2)), rng.integers(5, 120, (count, 2))
        corners = np.hstack([places, places + sizes]).astype(float)
        labels = rng.integers(0, classes - (seed % 2), count)
        true.append(Boxes(corners, labels, rng.random(count) < 0.1))
        of = rng.integers(0, count, said) if count else None
        near = corners[of] if of is not None else rng.integers(0, 300, (said, 4)).astype(float)
        moved = np.sort((near + rng.normal(0, 6, (said, 4))).reshape(-1, 2, 2), axis=1).reshape(-1, 4)
        own = labels[of] if of is not None else rng.integers(0, classes, said)
        found.append(FoundBoxes(moved, own, np.round(rng.random(said), 2)))
    return true, found


def both(true, found, classes):
    pairs = [one.precision_and_recall() for one in match(found, true, classes)]
    return np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])


@pytest.mark.parametrize("seed", RECORDED)
def test_it_is_what_coco_counts(seed):
    true, found = drawn(seed)
    precision, recall = both(true, found, 4)
    figures = [np.nanmean(each) for each in (precision, precision[:, 0], precision[:, 5], recall)]
    assert figures == pytest.approx(RECORDED[seed], abs=1e-9)


def boxes(*corners, labels=None, crowd=None):
    size = len(corners)
    return Boxes(
        np.array(corners, float).reshape(-1, 4),
        np.array(labels or [0] * size, np.int64),
        np.array(crowd or [False] * size),
    )


def found(*scored):
    return FoundBoxes(
        np.array([box for box, _ in scored], float).reshape(-1, 4), np.zeros(len(scored), np.int64),
        np.array([score for _, score in scored], float),
    )  # fmt: skip


def test_what_is_found_whole_is_1_and_a_class_without_a_true_box_is_undefined():
    box = [0, 0, 10, 10]
    precision, recall = both([boxes(box)], [found((box, 0.3))], 2)
    assert precision[0].tolist() == [1.0] * 10
    assert recall[0].tolist() == [1.0] * 10
    assert np.isnan(precision[1]).all()


def test_a_box_found_twice_is_wrong_once_and_the_surer_one_is_right():
    box = [0, 0, 10, 10]
    (own,) = match([found((box, 0.3), (box, 0.9))], [boxes(box)], 1)
    assert own.hits[0].tolist() == [True, False]
    assert best_threshold([own]) == (0.9, 1.0)


def test_nothing_is_judged_within_a_crowd():
    crowd = boxes([0, 0, 50, 50], [60, 60, 70, 70], crowd=[True, False])
    some = found(([1, 1, 9, 9], 0.9), ([20, 20, 30, 30], 0.8), ([60, 60, 70, 70], 0.5))
    precision, _ = both([crowd], [some], 1)
    assert precision[0].tolist() == pytest.approx([1.0] * 10)


def test_a_picture_drawn_twice_counts_twice():
    box, other = [0, 0, 10, 10], [20, 20, 30, 30]
    (own,) = match([found((box, 0.9)), found((box, 0.8))], [boxes(box), boxes(other)], 1)
    once, _ = own.precision_and_recall(np.array([1, 0]))
    twice, _ = own.precision_and_recall(np.array([2, 1]))
    assert once[0] == 1.0
    assert twice[0] == pytest.approx(67 / 101)
