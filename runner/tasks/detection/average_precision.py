"""Average precision and recall as COCO counts them, for all held-out pictures or for some that are drawn again.

Source: https://github.com/cocodataset/cocoapi, ``cocoeval.py``: ten overlaps from 0.50 to 0.95, 101 recalls, at most
100 boxes of a class a picture; a crowd's box is matched by any number of found ones, none of which counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runner.data.boxes.box_side import Boxes
from runner.tasks.detection.found_boxes import FoundBoxes, overlaps

OVERLAPS = np.linspace(0.5, 0.95, 10)
#: The least overlap of a box that counts as found, for all but the averages.
AT_HALF = 0.5
RECALLS = np.linspace(0.0, 1.0, 101)
#: Found boxes of a class that a picture is judged by.
MOST = 100


@dataclass(frozen=True)
class ClassMatches:
    """One class's found boxes over all pictures, the surest first."""

    scores: np.ndarray  # float64 [d]
    #: Of each the picture that it was found in: int64 ``[d]``.
    pictures: np.ndarray
    #: Whether it has found a true box, and whether it counts, for each overlap: bool ``[10, d]``.
    hits: np.ndarray
    counts: np.ndarray
    #: True boxes of the class in each picture, crowds left out: int64 ``[n]``.
    true: np.ndarray

    def precision_and_recall(self, times: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Average precision and the greatest recall for each overlap: float64 ``[10]`` each, NaN without a true box.

        ``times`` is how often each picture was drawn, int ``[n]``; once each unless given.
        """
        weight = np.ones(len(self.true)) if times is None else times.astype(np.float64)
        total = float(weight @ self.true)
        if not total:
            return np.full(len(OVERLAPS), np.nan), np.full(len(OVERLAPS), np.nan)
        if not len(self.scores):
            return np.zeros(len(OVERLAPS)), np.zeros(len(OVERLAPS))
        own = weight[self.pictures] * self.counts
        right = np.cumsum(own * self.hits, axis=1)
        seen = np.cumsum(own, axis=1)
        recall = right / total
        precision = np.divide(right, seen, out=np.zeros_like(right), where=seen > 0)
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        found = np.zeros(len(OVERLAPS))
        for at in range(len(OVERLAPS)):
            place = np.searchsorted(recall[at], RECALLS, side="left")
            inside = place < len(self.scores)
            found[at] = envelope[at, place[inside]].sum() / len(RECALLS)
        return found, recall[:, -1]


def match(found: Sequence[FoundBoxes], true: Sequence[Boxes], classes: int) -> list[ClassMatches]:
    """Of each class what was found in ``n`` pictures, and which of it is right."""
    return [_match_class(found, true, code) for code in range(classes)]


def _match_class(found: Sequence[FoundBoxes], true: Sequence[Boxes], code: int) -> ClassMatches:
    scores, pictures, hits, counts = [], [], [], []
    positives = np.zeros(len(true), np.int64)
    for at, (said, there) in enumerate(zip(found, true, strict=True)):
        own = there.labels == code
        # Crowds last: a box is given to one of them only where no other has it.
        order = np.argsort(there.crowd[own], kind="stable")
        corners, crowd = there.corners[own][order], there.crowd[own][order]
        positives[at] = int((~crowd).sum())
        mine = said.labels == code
        best = FoundBoxes(said.corners[mine], said.labels[mine], said.scores[mine]).best(MOST)
        if len(best):
            hit, count = _match_picture(overlaps(best.corners, corners, crowd), crowd)
            scores.append(best.scores)
            pictures.append(np.full(len(best), at))
            hits.append(hit)
            counts.append(count)
    if not scores:
        nothing = np.zeros((len(OVERLAPS), 0), bool)
        return ClassMatches(np.zeros(0), np.zeros(0, np.int64), nothing, nothing, positives)
    every = np.concatenate(scores)
    order = np.argsort(-every, kind="stable")
    return ClassMatches(
        every[order], np.concatenate(pictures)[order], np.concatenate(hits, axis=1)[:, order],
        np.concatenate(counts, axis=1)[:, order], positives,
    )  # fmt: skip


def _match_picture(shares: np.ndarray, crowd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The surest box takes the true one that it overlaps most with: hits and counts, bool ``[10, d]`` each."""
    hit, count = np.zeros((len(OVERLAPS), len(shares)), bool), np.ones((len(OVERLAPS), len(shares)), bool)
    if not shares.shape[1]:
        return hit, count
    for level, least in enumerate(OVERLAPS):
        free = np.ones(len(crowd), bool)
        for at, row in enumerate(shares):
            open_ones = np.flatnonzero((free | crowd) & (row >= min(least, 1 - 1e-10)))
            if not len(open_ones):
                continue
            plain = open_ones[~crowd[open_ones]]
            chosen = plain if len(plain) else open_ones
            # Of equal overlaps the last, as COCO takes it.
            took = chosen[len(chosen) - 1 - int(np.argmax(row[chosen][::-1]))]
            free[took] = False
            hit[level, at] = not crowd[took]
            count[level, at] = not crowd[took]
    return hit, count
