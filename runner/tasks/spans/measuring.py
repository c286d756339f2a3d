"""The measure of every model that finds answers in texts, on held-out questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from runner.contract import Table
from runner.statistics.paired_bootstrap import Resampled, resample
from runner.tasks._supervised.measured_baselines import Baselines
from runner.tasks._supervised.target_metrics import Metrics
from runner.tasks.spans.squad_scores import score_all


def measure_spans(
    rows: Sequence[Any], said: Sequence[str], scores: Sequence[float], *, seed: int, baselines: Baselines | None = None
) -> tuple[Metrics, list[Table]]:
    """Metrics with 95 % bootstrap intervals, and tables, of what a model said of held-out questions.

    ``rows`` are :class:`~runner.data.context_questions.question_row.QuestionRow`, ``said`` their answers, "" for none,
    and ``scores`` how sure the model was of each. Intervals are drawn over contexts, whose questions belong together.
    ``baselines`` were measured on the same questions, with the same seed. Without a row the metrics are None and there
    is no table.
    """
    from runner.tasks.spans.span_tables import tables

    metrics, each, redrawn = score(rows, said, seed)
    beside = [] if baselines is None else baselines.tables(redrawn)
    return metrics, [*tables(rows, said, scores, each), *beside] if rows else []


def score(rows: Sequence[Any], said: Sequence[str], seed: int) -> tuple[Metrics, np.ndarray, Resampled | None]:
    """The metrics, F1 and exact match of every question ``[n, 2]``, and their redrawn means, for comparing."""
    each = score_all(said, [row.texts for row in rows])
    redrawn = resample(each, contexts_of(rows), seed) if rows else None
    with_answer = np.array([bool(row.answers) for row in rows], bool)
    metrics: Metrics = {}
    for column, name in enumerate(("f1", "exact_match")):
        metrics[name] = _mean(each[:, column])
        metrics |= redrawn.share(column).ends(name) if redrawn is not None else {
            f"{name}_low": None, f"{name}_high": None,
        }  # fmt: skip
    # Where all have answers, the figures of those that have are no others.
    both = bool(len(rows)) and not with_answer.all()
    metrics["has_answer_f1"] = _mean(each[with_answer, 0]) if both else metrics["f1"]
    metrics["has_answer_exact_match"] = _mean(each[with_answer, 1]) if both else metrics["exact_match"]
    metrics["no_answer_accuracy"] = _mean(each[~with_answer, 1])
    metrics |= {"n_validation": len(rows), "n_unanswerable": int((~with_answer).sum())}
    return metrics, each, redrawn


def contexts_of(rows: Sequence[Any]) -> np.ndarray:
    """Which questions are on one context: int64 ``[n]``."""
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(row.context_key(), len(numbers)) for row in rows], np.int64)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None
