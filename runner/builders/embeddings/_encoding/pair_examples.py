"""Pairs as what a loss is of: the places of their texts, and what is said of the two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from runner.data.dialogues.row_types import PairRow


@dataclass(frozen=True)
class Examples:
    """``n`` examples of texts that are kept once each."""

    anchors: list[str]
    others: list[str]
    #: Places in ``anchors``, int64 ``[n]``.
    anchor: np.ndarray
    #: Places in ``others``: the positive, then negatives, as many for every example: int64 ``[n, 1 + negatives]``.
    beside: np.ndarray
    #: A score, a class's number, or 0, float64 ``[n]``.
    value: np.ndarray

    def __len__(self) -> int:
        return len(self.anchor)


def examples_of(rows: Sequence[PairRow], classes: Sequence[str], seed: int, *, one_negative: bool = False) -> Examples:
    """The rows as examples. A row with fewer negatives than another has its own again, or, of none, other rows' texts.

    ``one_negative``: a row with several negatives is several examples of one, and one without is none.
    """
    if one_negative:
        rows = [replace(row, negatives=(text,)) for row in rows for text in row.negatives]
    anchors = list(dict.fromkeys(row.anchor for row in rows))
    others = list(dict.fromkeys(text for row in rows for text in (row.positive, *row.negatives)))
    at_anchor = {text: at for at, text in enumerate(anchors)}
    at_other = {text: at for at, text in enumerate(others)}
    width = max((len(row.negatives) for row in rows), default=0)
    rng = np.random.default_rng([seed, len(rows)])
    own: dict[str, set[str]] = {}
    for row in rows:
        own.setdefault(row.anchor, set()).update((row.positive, row.anchor))
    beside = np.zeros((len(rows), 1 + width), np.int64)
    for number, row in enumerate(rows):
        taken = [at_other[text] for text in row.negatives] or _drawn(others, own[row.anchor], width, rng)
        beside[number] = [at_other[row.positive], *(taken[at % len(taken)] for at in range(width))]
    known = {name: at for at, name in enumerate(classes)}
    values = [row.score if row.score is not None else known.get(row.label or "", 0) for row in rows]
    anchor = np.array([at_anchor[row.anchor] for row in rows], np.int64)
    return Examples(anchors, others, anchor, beside, np.array(values, np.float64))


def _drawn(others: Sequence[str], own: set[str], count: int, rng: np.random.Generator) -> list[int]:
    """The places of texts that do not belong to an anchor; of any where all do."""
    if not count:
        return []
    found = [at for at in rng.permutation(len(others))[: count + len(own)].tolist() if others[at] not in own]
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
    numbers: dict[str, int] = {}
    by_anchor = np.array([numbers.setdefault(text.strip(), len(numbers)) for text in found.anchors], np.int64)
    by_other = np.array([numbers.setdefault(text.strip(), len(numbers)) for text in found.others], np.int64)
    return np.concatenate([by_anchor[found.anchor][:, None], by_other[found.beside]], axis=1)
