"""What an evaluation says of a task: the figures of each model, and of several their differences, sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from runner.contract.foreign_code import ENDS
from runner.contract.quantities import counted
from runner.tasks.generation.answer_metrics.figures import paired
from runner.tasks.generation.scored.scored_task import ScoredTask, rounded


def measured(model: str, scored: ScoredTask, seed: int) -> list[dict[str, Any]]:
    """A row a metric: its value with interval and standard error, and how many samples it is of."""
    rows = []
    for figure in scored.figures:
        interval, error, sort = figure.interval(seed)
        rows.append(
            {
                "model": model,
                "metric": figure.measure.metric,
                "label": figure.measure.label,
                "better": figure.measure.better,
                "decimals": figure.measure.decimals,
                "value": rounded(interval.value),
                "low": rounded(interval.low),
                "high": rounded(interval.high),
                "standard_error": rounded(error),
                "interval": sort,
                "n": figure.count,
                "unread": 0 if figure.unread is None else int(figure.unread.sum()),
                "truncated": sum(scored.truncated),
            }
            | ({} if figure.ends is None else {"code": {end: figure.ends.count(end) for end in ENDS}})
        )
    return rows


def compared(models: Sequence[tuple[str, ScoredTask]], seed: int) -> list[dict[str, Any]]:
    """Each later model against the first, metric by metric, paired by sample.

    A pair that was not answered on the same samples is not compared, and says why.
    """
    rows = []
    for name, scored in models[1:]:
        baseline, base = models[0]
        for own, other in zip(scored.figures, base.figures, strict=True):
            row: dict[str, Any] = {
                "metric": own.measure.metric,
                "model": name,
                "baseline": baseline,
                "better": own.measure.better,
            }
            row["decimals"] = own.measure.decimals
            mine = _samples(scored, own.each)
            theirs = _samples(base, other.each)
            if mine != theirs:
                lacking = len(mine ^ theirs)
                rows.append(row | {"refused": f"{counted(lacking, 'samples')} answered by one of the two models alone"})
                continue
            found = paired(own, other, seed)
            rows.append(
                row | {key: rounded(value) if isinstance(value, float) else value for key, value in found.items()}
            )
    return rows


def _samples(scored: ScoredTask, each: np.ndarray) -> set[str]:
    return {question.id for question, value in zip(scored.questions, each, strict=True) if not np.isnan(value)}
