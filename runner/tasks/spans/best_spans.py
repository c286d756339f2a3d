"""The best answers by the scores of where one starts and ends, over all windows of a text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Answers that are kept of a question, where no more are asked for.
KEPT = 20


@dataclass(frozen=True)
class WindowScores:
    """What a model says of a window: a score for each token of the text in it, of starting and of ending the answer.

    All arrays are ``[tokens]``; ``first`` and ``last`` are each token's place in the text, from its first character to
    behind its last.
    """

    starts: np.ndarray
    ends: np.ndarray
    first: np.ndarray
    last: np.ndarray
    #: The score of there being no answer in the window.
    null: float


@dataclass(frozen=True)
class Span:
    """An answer: ``text[start:end]``, and its score."""

    start: int
    end: int
    logit: float


@dataclass(frozen=True)
class Found:
    """The best answers to a question, the best first, and the score of there being none."""

    spans: tuple[Span, ...]
    null: float

    @property
    def null_score(self) -> float:
        """How much more no answer scores than the best one."""
        return self.null - self.spans[0].logit if self.spans else math.inf

    def answered(self, threshold: float | None) -> bool:
        """Whether there is an answer, where one is given unless ``null_score`` is above the threshold."""
        return bool(self.spans) and (threshold is None or self.null_score <= threshold)

    def shares(self, with_null: bool) -> tuple[list[float], float]:
        """The scores as shares of 1, of every answer and of none; without none, its share is 0."""
        logits = np.array([span.logit for span in self.spans] + ([self.null] if with_null or not self.spans else []))
        weights = np.exp(logits - logits.max())
        shares = (weights / weights.sum()).tolist()
        return shares[: len(self.spans)], shares[-1] if len(shares) > len(self.spans) else 0.0


def best_spans(text: str, windows: Sequence[WindowScores], longest: int, kept: int = KEPT) -> Found:
    """The ``kept`` best answers of at most ``longest`` tokens. A place that several windows have counts once.

    An answer's score is that of its start and of its end together; none scores as in the window where it scores least,
    as an answer need not be in each (Devlin et al., BERT, 2019).
    """
    best: dict[tuple[int, int], float] = {}
    for window in windows:
        for start, end, logit in _of_window(window, longest, kept):
            first, last = _without_blanks(text, start, end)
            if first < last and logit > best.get((first, last), -math.inf):
                best[first, last] = logit
    order = sorted(best, key=lambda place: (-best[place], place))[:kept]
    null = min((window.null for window in windows), default=0.0)
    return Found(tuple(Span(*place, best[place]) for place in order), null)


def _of_window(window: WindowScores, longest: int, kept: int) -> list[tuple[int, int, float]]:
    """Places with their scores: at least the ``kept`` best of the window's."""
    count = len(window.starts)
    if not count:
        return []
    wide = min(longest, count)
    # Row i, column k: an answer from token i to token i + k.
    ends = np.concatenate([window.ends.astype(np.float64), np.full(wide, -np.inf)])
    sums = window.starts.astype(np.float64)[:, None] + np.lib.stride_tricks.sliding_window_view(ends, wide)[:count]
    flat = sums.ravel()
    # More than are asked for: some are the same place without its blanks.
    few = min(2 * kept, len(flat))
    chosen = np.argpartition(-flat, few - 1)[:few]
    return [
        (int(window.first[at // wide]), int(window.last[at // wide + at % wide]), float(flat[at]))
        for at in chosen.tolist()
        if np.isfinite(flat[at])
    ]


def _without_blanks(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
