"""The measure of every tagger: entities that are right in type and both ends, on the same held-out rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.contract import Table
from runner.statistics.paired_bootstrap import Resampled, known, resample
from runner.tasks._supervised.measured_baselines import Baselines
from runner.tasks._supervised.target_metrics import Metrics
from runner.tasks.token_labels.judged_tags import Judged, Tags, rates
from runner.tasks.token_labels.tag_tables import tables


def _f1(sums: np.ndarray) -> np.ndarray:
    """F1 out of means of right, found and there, float ``[..., 3]``: float ``[..., 1]``; NaN without an entity."""
    right, found, there = sums[..., 0], sums[..., 1], sums[..., 2]
    total = found + there
    return np.divide(2 * right, total, out=np.full_like(total, np.nan), where=total > 0)[..., None]


def score(judged: Judged, seed: int) -> tuple[Metrics, Resampled | None]:
    """The task's measures with the interval of F1, drawn over rows, and its samples; None of all without a row.

    F1 of the types is their plain mean, over those that are there or were found. Without an entity in the held-out rows
    precision, recall and F1 are undefined.
    """
    count = len(judged.actual)
    tokens = sum(map(len, judged.actual))
    names = ("f1", "f1_low", "f1_high", "precision", "recall", "f1_macro", "token_accuracy")
    if not count:
        return dict.fromkeys(names) | {"n_validation": 0, "n_entities": 0}, None
    right, found, there = (int(each) for each in judged.counts.sum(axis=0))
    same = sum(
        one == other
        for own, true in zip(judged.predicted, judged.actual, strict=True)
        for one, other in zip(own, true, strict=True)
    )
    metrics: Metrics = dict.fromkeys(names)
    metrics |= {"token_accuracy": same / tokens if tokens else None, "n_validation": count, "n_entities": there}
    if not there:
        return metrics, None
    redrawn = resample(judged.counts, np.arange(count), seed).of(_f1)
    precision, recall, f1 = rates(right, found, there)
    each = [rates(*sums)[2] for sums in judged.by_type().values()]
    return metrics | {"f1": f1} | redrawn.share(0).ends("f1") | {
        "precision": precision, "recall": recall, "f1_macro": known(sum(each) / len(each)),
    }, redrawn  # fmt: skip


def measure_tags(
    predicted: Tags,
    actual: Tags,
    tokens: Sequence[Sequence[str]],
    lines: Sequence[int],
    seed: int,
    baselines: Baselines | None = None,
) -> tuple[Metrics, list[Table]]:
    """A model's metrics and tables. ``lines`` are the rows' numbers in their file; ``baselines`` were measured on the
    same rows, with the same seed."""
    judged = Judged(predicted, actual)
    metrics, redrawn = score(judged, seed)
    beside = [] if baselines is None else baselines.tables(redrawn)
    return metrics, [*tables(judged, tokens, lines), *beside] if metrics["n_validation"] else []
