"""How much more no answer has to score than the best one, so that none is given: chosen by questions of both sorts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from runner.contract import Table
from runner.tasks.spans.best_spans import Found
from runner.tasks.spans.squad_scores import score_all

#: Points of the curve.
POINTS = 21


def choose(rows: Sequence[Any], found: Sequence[Found]) -> float | None:
    """The threshold with the best F1 over the questions, the one nearest to 0 among equals; None where one sort lacks.

    ``rows`` have ``answers`` and ``texts`` (:class:`~runner.data.context_questions.question_row.QuestionRow`).
    """
    answerable = [bool(row.answers) for row in rows]
    if all(answerable) or not any(answerable):
        return None
    odds, levels = _levels(rows, found)
    order = np.sort(np.unique(odds[np.isfinite(odds)]))
    if not len(order):
        return 0.0
    between = (order[1:] + order[:-1]) / 2
    candidates = np.concatenate([[0.0, order[0] - 1.0], between, [order[-1] + 1.0]])
    gains = np.array([_mean(odds, levels, threshold) for threshold in candidates])
    best = candidates[np.isclose(gains, gains.max(), rtol=0, atol=1e-12)]
    return float(best[np.argmin(np.abs(best))])


def curve(rows: Sequence[Any], found: Sequence[Found], threshold: float) -> Table:
    """F1 by the threshold, around the one that is used."""
    odds, levels = _levels(rows, found)
    known = odds[np.isfinite(odds)]
    ends = (float(known.min()), float(known.max())) if len(known) else (threshold, threshold)
    points = sorted({round(value, 3) for value in (*np.linspace(*ends, POINTS).tolist(), threshold)})
    with_answer = np.array([bool(row.answers) for row in rows])
    cells = []
    for point in points:
        each = np.where(odds <= point, levels[:, 0], levels[:, 1])
        cells.append([point, each.mean(), each[with_answer].mean(), each[~with_answer].mean()])
    return Table(
        "null_threshold",
        "When no answer is given",
        ["threshold", "F1", "F1 with an answer", "F1 without"],
        cells,
        plot="line",
        note=f"The model says that there is no answer where none scores more than {threshold:.3f} above the best one. "
        "The threshold was chosen on these questions: on others F1 will be a little lower.",
        decimals={"threshold": 3, "F1": 3, "F1 with an answer": 3, "F1 without": 3},
    )


def _levels(rows: Sequence[Any], found: Sequence[Found]) -> tuple[np.ndarray, np.ndarray]:
    """How much more none scores, float64 ``[n]``, and F1 where one is answered and where it is not, ``[n, 2]``."""
    said = [
        row.context[one.spans[0].start : one.spans[0].end] if one.spans else ""
        for row, one in zip(rows, found, strict=True)
    ]
    texts = [row.texts for row in rows]
    levels = np.stack([score_all(said, texts)[:, 0], score_all([""] * len(rows), texts)[:, 0]], axis=1)
    return np.array([one.null_score for one in found]), levels


def _mean(odds: np.ndarray, levels: np.ndarray, threshold: float) -> float:
    return float(np.where(odds <= threshold, levels[:, 0], levels[:, 1]).mean())
