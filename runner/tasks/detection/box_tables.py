"""The tables of a detector: each class, what is taken for what, thresholds, and the pictures with the most errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from runner.contract import Table
from runner.data.boxes.box_side import BoxSplit
from runner.tasks.detection.average_precision import AT_HALF, MOST
from runner.tasks.detection.found_boxes import FoundBoxes, overlaps
from runner.tasks.detection.judged_boxes import Judged
from runner.tasks.detection.thresholds import curve, f1_of

NOTHING, MISSED = "(nothing there)", "(missed)"
GRID = tuple(step / 20 for step in range(1, 20))
#: Classes of the table of mistakes, and pictures of the last one.
SHOWN, WORST = 30, 20


def tables(
    found: Sequence[FoundBoxes], part: BoxSplit, judged: Judged, threshold: float, names: Sequence[str]
) -> list[Table]:
    """All of them. Boxes of at least ``threshold`` are told but in the first columns of the classes."""
    told = [one.best(MOST, threshold) for one in found]
    pairs = [_paired(own, there) for own, there in zip(told, part.boxes, strict=True)]
    return [
        classes(part, judged, told, pairs, threshold),
        mistakes(part, told, pairs, threshold),
        thresholds(judged),
        worst(part, told, pairs, names),
    ]


def classes(
    part: BoxSplit, judged: Judged, told: Sequence[FoundBoxes], pairs: Sequence[Any], threshold: float
) -> Table:
    """Average precision and recall of each class, and what the threshold makes of them."""
    rows: list[list[Any]] = []
    for code, name in enumerate(part.classes):
        taken = sum(int((one.labels == code).sum()) for one in told)
        right = sum(
            int(sum(one.labels[at] == code == there.labels[to] for at, to in own))
            for one, there, own in zip(told, part.boxes, pairs, strict=True)
        )
        true = int(judged.matches[code].true.sum())
        rows.append([
            name, *map(_known, (judged.precision[code].mean(), judged.precision[code, 0], judged.recall[code].mean())),
            right / taken if taken else None, right / true if true else None, true,
        ])  # fmt: skip
    decimals = dict.fromkeys(("AP", "AP50", "AR", "precision", "recall"), 3)
    note = f"Precision and recall are of boxes with a score of {threshold:g} or more that overlap by half or more."
    columns = ["class", "AP", "AP50", "AR", "precision", "recall", "boxes"]
    return Table("classes", "Classes", columns, rows, plot="bars", note=note, decimals=decimals)


def mistakes(part: BoxSplit, told: Sequence[FoundBoxes], pairs: Sequence[Any], threshold: float) -> Table:
    """True classes as rows, found ones as columns: what is there and missed, and what is found where nothing is."""
    size = len(part.classes)
    counts = np.zeros((size + 1, size + 1), np.int64)
    for one, there, own in zip(told, part.boxes, pairs, strict=True):
        found, true = {at for at, _ in own}, {to for _, to in own}
        for at, to in own:
            counts[there.labels[to], one.labels[at]] += 1
        for at in set(range(len(one))) - found - _in_crowds(one, there):
            counts[size, one.labels[at]] += 1
        for to in set(np.flatnonzero(~there.crowd).tolist()) - true:
            counts[there.labels[to], size] += 1
    kept = np.argsort(-counts[:size].sum(axis=1), kind="stable")[:SHOWN]
    chosen = [*np.sort(kept).tolist(), size]
    names = [*part.classes, NOTHING]
    columns = ["true", *(part.classes[at] for at in chosen[:-1]), MISSED]
    rows = [[names[at], *counts[at, chosen].tolist()] for at in chosen]
    note = f"Boxes with a score of {threshold:g} or more; a found box is a true one's if they overlap by half or more."
    if size > SHOWN:
        note += f" The {SHOWN} most frequent of {size:,} classes."
    return Table("mistakes", "What is taken for what", columns, rows, plot="matrix", note=note)


def thresholds(judged: Judged) -> Table:
    """Precision, recall and F1 from some scores on."""
    scores, precision, recall = curve(judged.matches)
    rows: list[list[Any]] = []
    for least in GRID:
        at = int((scores >= least).sum()) - 1
        own = (precision[at], recall[at]) if at >= 0 else (None, 0.0)
        f1 = float(f1_of(np.array([own[0] or 0.0]), np.array([own[1]]))[0])
        rows.append([least, None if own[0] is None else float(own[0]), float(own[1]), f1])
    decimals = {"threshold": 2, "precision": 3, "recall": 3, "F1": 3}
    note = "Of all classes together, at an overlap of half."
    return Table("thresholds", "Thresholds", ["threshold", "precision", "recall", "F1"], rows, "line", note, decimals)


def worst(part: BoxSplit, told: Sequence[FoundBoxes], pairs: Sequence[Any], names: Sequence[str]) -> Table:
    """The pictures with the most missed and wrong boxes."""
    rows: list[list[Any]] = []
    for at, (one, there, own) in enumerate(zip(told, part.boxes, pairs, strict=True)):
        right = sum(int(one.labels[found] == there.labels[true]) for found, true in own)
        true = int((~there.crowd).sum())
        wrong = len(one) - right - len(_in_crowds(one, there) - {found for found, _ in own})
        rows.append([names[at], true, right, true - right, wrong])
    rows.sort(key=lambda row: -(row[3] + row[4]))
    columns = ["picture", "boxes", "found", "missed", "wrong"]
    return Table("worst", "Pictures with the most errors", columns, [row for row in rows if row[3] + row[4]][:WORST])


def _paired(one: FoundBoxes, there: Any) -> list[tuple[int, int]]:
    """Found and true boxes that overlap by half or more, the most first, whatever their classes."""
    plain = np.flatnonzero(~there.crowd)
    shares = overlaps(one.corners, there.corners[plain])
    pairs: list[tuple[int, int]] = []
    # Of equal overlaps those of one class first.
    same = one.labels[:, None] == there.labels[plain][None]
    order = np.lexsort((~same.ravel(), -shares.ravel()))
    left, right = set(range(len(one))), set(range(len(plain)))
    for flat in order.tolist():
        at, to = divmod(flat, len(plain))
        if shares[at, to] < AT_HALF or not left or not right:
            break
        if at in left and to in right:
            left.remove(at)
            right.remove(to)
            pairs.append((at, int(plain[to])))
    return pairs


def _in_crowds(one: FoundBoxes, there: Any) -> set[int]:
    crowds = there.corners[there.crowd]
    shares = overlaps(one.corners, crowds, np.ones(len(crowds), bool))
    return set(np.flatnonzero((shares >= AT_HALF).any(axis=1)).tolist())


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
