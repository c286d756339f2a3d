"""From probabilities of tags to tags that belong together, and from these to entities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runner.data.tagged_tokens.tagged_row import BEGIN, INSIDE, OUTSIDE

#: The least probability whose logarithm is taken.
LEAST = np.finfo(np.float64).tiny


@dataclass(frozen=True, slots=True)
class Entity:
    """Tokens ``[start, end)`` and the type of entity that they are."""

    type: str
    start: int
    end: int


def decode(probabilities: np.ndarray) -> np.ndarray:
    """The most probable sequence of tags that is one of IOB2: int64 ``[tokens]``.

    ``probabilities`` are float ``[tokens, labels]``, the labels in the order of
    :func:`~runner.data.tagged_tokens.tagged_row.labels_of`: O, then ``B-`` and ``I-`` of each type. An ``I-`` follows
    only a ``B-`` or ``I-`` of its type (Viterbi, 1967).
    """
    logs = np.log(np.maximum(np.asarray(probabilities, np.float64), LEAST))
    count, labels = logs.shape
    if not count:
        return np.zeros(0, np.int64)
    inside = np.arange(2, labels, 2)
    score = logs[0].copy()
    score[inside] = -np.inf
    back = np.zeros((count, labels), np.int64)
    for at in range(1, count):
        best = int(score.argmax())
        back[at] = best
        reached = np.full(labels, score[best])
        goes_on = score[inside] > score[inside - 1]
        back[at, inside] = np.where(goes_on, inside, inside - 1)
        reached[inside] = np.maximum(score[inside], score[inside - 1])
        score = reached + logs[at]
    path = [int(score.argmax())]
    for at in range(count - 1, 0, -1):
        path.append(int(back[at, path[-1]]))
    return np.array(path[::-1], np.int64)


def entities_of(tags: Sequence[str]) -> list[Entity]:
    """The entities of tags in IOB2, as seqeval's strict mode reads them: an ``I-`` without its ``B-`` is in none."""
    found: list[Entity] = []
    begun: tuple[str, int] | None = None
    for at, tag in enumerate((*tags, OUTSIDE)):
        if begun is not None and tag != INSIDE + begun[0]:
            found.append(Entity(begun[0], begun[1], at))
            begun = None
        if tag.startswith(BEGIN):
            begun = (tag.removeprefix(BEGIN), at)
    return found
