"""The leaderboard of a search: each learner's best trial, the dummy among them, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from runner.builders.tabular._learners.cross_validation import FoldedTable, out_of_fold
from runner.builders.tabular._learners.losses import metric_name, row_losses, score
from runner.builders.tabular._learners.trials import Trial, words
from runner.contract import Table
from runner.statistics.loss_intervals import interval, resampled


def leaderboard(
    table: FoldedTable,
    bests: Mapping[str, Trial],
    predictions: Mapping[str, np.ndarray],
    trials: Sequence[Trial],
    groups: np.ndarray | None,
    seed: int,
    note: str,
) -> Table:
    """Rows from the best to the worst. A learner all of whose trials failed is last, with why."""
    classification = table.n_classes is not None
    rows = table.scored
    dummy, _ = out_of_fold(table, "dummy", {}, seed=seed, threads=1)
    shown = {**predictions, "dummy": dummy}
    losses = np.stack([row_losses(table.targets[rows], one[rows]) for one in shown.values()], axis=1)
    redrawn = resampled(losses, None if groups is None else groups[rows], seed).redrawn
    if not classification:
        redrawn = np.sqrt(redrawn)
    values = score(losses, classification, axis=0)
    lines: list[tuple[object, ...]] = []
    for place, name in enumerate(shown):
        own = [trial for trial in trials if trial.learner == name]
        lines.append(
            (
                name,
                float(values[place]),
                *interval(redrawn[:, place]),
                _second(table, rows, shown[name]),
                len(own),
                sum(trial.state == "failed" for trial in own),
                sum(trial.seconds for trial in own),
                words(bests[name].params) if name in bests else "",
            )
        )
    lines.sort(key=lambda line: (line[1], line[0]))
    for name in dict.fromkeys(trial.learner for trial in trials if trial.learner not in bests):
        own = [trial for trial in trials if trial.learner == name]
        seconds = sum(trial.seconds for trial in own)
        failed = sum(trial.state == "failed" for trial in own)
        lines.append((name, None, None, None, None, len(own), failed, seconds, own[-1].reason))
    metric, second = metric_name(classification), "accuracy" if classification else "r2"
    return Table(
        name="leaderboard",
        title="Learners, by out-of-fold score",
        columns=("model", metric, "low", "high", second, "trials", "failed", "seconds", "parameters"),
        rows=lines,
        plot="bars",
        note=note,
        decimals={metric: 4, "low": 4, "high": 4, second: 3, "seconds": 1},
    )


def _second(table: FoldedTable, rows: np.ndarray, predictions: np.ndarray) -> float | None:
    """Accuracy, or the share of the variance that is explained; None where the targets do not vary."""
    targets = table.targets[rows]
    if table.n_classes is not None:
        return float((predictions[rows].argmax(axis=1) == targets).mean())
    variance = float(targets.var())
    return None if variance == 0 else 1 - float(row_losses(targets, predictions[rows]).mean()) / variance
