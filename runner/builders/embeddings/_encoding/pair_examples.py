"""Pairs as what a loss is of: the places of their texts, and what is said of the two."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from runner.builders.embeddings._encoding.distinct_texts import DistinctTexts, OwnTexts
from runner.data.dialogues.row_types import PairRow
from runner.data.holdout import text_key


@dataclass(frozen=True)
class Examples:
    """``n`` examples of texts that are kept once each."""

    anchors: Sequence[str]
    others: Sequence[str]
    #: Places in ``anchors``, int64 ``[n]``.
    anchor: np.ndarray
    #: Places in ``others``: the positive, then negatives, as many for every example: int64 ``[n, 1 + negatives]``.
    beside: np.ndarray
    #: A score, a class's number, or 0, float64 ``[n]``.
    value: np.ndarray

    def __len__(self) -> int:
        return len(self.anchor)


def examples_of(
    rows: Sequence[PairRow], classes: Sequence[str], seed: int, cache: Path, *, one_negative: bool = False
) -> Examples:
    """The rows as examples. A row with fewer negatives than another has its own again, or, of none, other rows' texts.

    ``one_negative``: a row with several negatives is several examples of one, and one without is none. ``cache``: the
    folder where many texts lie.
    """

    def every() -> Iterator[PairRow]:
        for row in rows:
            if one_negative:
                yield from (replace(row, negatives=(text,)) for text in row.negatives)
            else:
                yield row

    known = {name: at for at, name in enumerate(classes)}
    values, counts = array("d"), array("q")
    for row in every():
        values.append(row.score if row.score is not None else known.get(row.label or "", 0))
        counts.append(len(row.negatives))
    anchors, anchor = DistinctTexts.of(lambda: (row.anchor for row in every()), cache)
    others, places = DistinctTexts.of(
        lambda: (text for row in every() for text in (row.positive, *row.negatives)), cache
    )
    width = max(counts, default=0)
    rng = np.random.default_rng([seed, len(counts)])
    own_counts = np.array(counts, np.int64)
    starts = np.cumsum(1 + own_counts) - (1 + own_counts)
    positive = places[starts]
    own = OwnTexts(
        len(anchors), np.concatenate([anchor, anchor]), np.concatenate([others.keys[positive], anchors.keys[anchor]])
    )
    beside = np.zeros((len(counts), 1 + width), np.int64)
    beside[:, 0] = positive
    for number, (start, count) in enumerate(zip(starts.tolist(), counts, strict=True) if width else ()):
        taken = places[start + 1 : start + 1 + count].tolist() or _drawn(others, own[anchor[number]], width, rng)
        beside[number, 1:] = [taken[at % len(taken)] for at in range(width)]
    return Examples(anchors.texts, others.texts, anchor, beside, np.array(values, np.float64))


def _drawn(others: DistinctTexts, own: set[int], count: int, rng: np.random.Generator) -> list[int]:
    """The places of texts that do not belong to an anchor; of any where all do."""
    found = [at for at in rng.permutation(len(others))[: count + len(own)].tolist() if int(others.keys[at]) not in own]
    return found[:count] or [int(rng.integers(len(others)))]


def without_shared_texts(
    found: Examples, size: int, seed: int
) -> tuple[Callable[[np.random.Generator], np.ndarray], int]:
    """What draws an epoch's examples so that no batch of ``size`` has two that share a text, and how many never meet
    others' batches: examples for which there is no room in an epoch sit it out.

    The places that are left free are -1: every epoch has as many batches.
    """
    texts = _text_numbers(found)
    slots = -(-len(found) // size)
    most = int(np.unique(texts, return_counts=True)[1].max(initial=1))
    # A text that is in many rows needs as many batches.
    batches = max(slots, min(most, 2 * slots))

    def order(rng: np.random.Generator) -> np.ndarray:
        filled = np.full((batches, size), -1, np.int64)
        counts, held = [0] * batches, [set() for _ in range(batches)]  # type: list[int], list[set[int]]
        first = 0
        for example in rng.permutation(len(found)).tolist():
            own = set(texts[example].tolist())
            for step in range(batches):
                at = (first + step) % batches
                if counts[at] < size and not held[at] & own:
                    filled[at, counts[at]] = example
                    counts[at] += 1
                    held[at] |= own
                    first = at + 1
                    break
        return filled.ravel()

    left = len(found) - int((order(np.random.default_rng([seed, 1])) >= 0).sum())
    return order, left


def _text_numbers(found: Examples) -> np.ndarray:
    """A number for every text of an example, whatever side it is on: int64 ``[n, 2 + negatives]``."""
    keys = np.array([text_key(text.strip()) for text in chain(found.anchors, found.others)], np.uint64)
    numbers = np.unique(keys, return_inverse=True)[1].astype(np.int64)
    by_anchor, by_other = np.split(numbers, [len(found.anchors)])
    return np.concatenate([by_anchor[found.anchor][:, None], by_other[found.beside]], axis=1)
