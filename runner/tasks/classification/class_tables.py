"""The tables of a classifier: which classes it confuses, how well it finds each, and how far it can be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from runner.contract import Table
from runner.tasks._supervised.target_metrics import TABLED, Metrics, named, targets_table, titled
from runner.tasks.classification import TASK
from runner.tasks.classification.decisions import HALF
from runner.tasks.classification.point_metrics import UNSEEN, Judged, calibration_bins

#: Classes that a confusion matrix shows one by one: the most frequent ones. The others are one row and one column.
SHOWN = 30
UNSEEN_NAME, OTHERS_NAME = "(unseen in training)", "(others)"
#: Thresholds of the table, beside the one that is used.
GRID = tuple(step / 20 for step in range(1, 20))


def tables(
    targets: Mapping[str, Sequence[str]], judged: Sequence[Judged], each: Mapping[str, Metrics], metrics: Metrics
) -> list[Table]:
    """All tables, none without a row: of several targets an overview first, then those of the first few."""
    if not metrics["n_validation"]:
        return []
    alone = len(judged) == 1
    made = [] if alone else [targets_table(each, TASK.measures)]
    made.append(classes(targets, judged, each))
    for one in judged[:TABLED]:
        made.append(confusion(targets[one.target], one, alone))
        made.append(calibration(one, alone))
        if len(targets[one.target]) == 2:
            made.append(thresholds(targets[one.target], one, alone))
    return made


def classes(targets: Mapping[str, Sequence[str]], judged: Sequence[Judged], each: Mapping[str, Metrics]) -> Table:
    """Precision, recall, F1 and held-out rows of every class; precision is None where a class is never predicted."""
    rows: list[list[Any]] = []
    notes = []
    for one in judged:
        target, named_classes = one.target, targets[one.target]
        size = len(named_classes)
        support = np.bincount(one.actual[one.actual != UNSEEN], minlength=size)
        taken = np.bincount(one.predicted, minlength=size)
        right = np.bincount(one.predicted[one.right], minlength=size)
        for at, name in enumerate(named_classes):
            own = [name, *_rates(int(right[at]), int(taken[at]), int(support[at])), int(support[at])]
            rows.append(own if len(judged) == 1 else [target, *own])
        of = "" if len(judged) == 1 else f" of {target}"
        if unseen := each[target]["n_unseen_class"]:
            notes.append(f"{unseen:,} held-out rows{of} are of a class that training never saw: they count as wrong.")
        if each[target]["auc"] is None:
            notes.append(f"The AUC{of} is undefined: the held-out rows have fewer than two of its classes.")
    columns = ["class", "precision", "recall", "F1", "rows"]
    return Table(
        "classes",
        "Classes",
        columns if len(judged) == 1 else ["target", *columns],
        rows,
        note=" ".join(notes),
        decimals={"precision": 3, "recall": 3, "F1": 3},
    )


def confusion(names: Sequence[str], one: Judged, alone: bool) -> Table:
    """True classes as rows, predicted ones as columns, held-out rows as cells."""
    size = len(names)
    # The unseen class is the one behind the last.
    actual = np.where(one.actual == UNSEEN, size, one.actual)
    counts = np.bincount(actual * size + one.predicted, minlength=(size + 1) * size).reshape(size + 1, size)
    note = "Rows are true classes, columns predicted ones."
    shown = list(names)
    cells = counts[:size]
    if size > SHOWN:
        order = np.argsort(-(cells.sum(axis=1) + cells.sum(axis=0)), kind="stable")
        first, rest = np.sort(order[:SHOWN]), order[SHOWN:]
        cells = np.vstack([cells[first], cells[rest].sum(axis=0)])
        cells = np.hstack([cells[:, first], cells[:, rest].sum(axis=1, keepdims=True)])
        counts = np.hstack([counts[:, first], counts[:, rest].sum(axis=1, keepdims=True)])
        shown = [names[at] for at in first] + [OTHERS_NAME]
        note += f" The {SHOWN} most frequent of {size:,} classes are shown one by one."
    rows: list[list[Any]] = [[name, *line] for name, line in zip(shown, cells.tolist(), strict=True)]
    if counts[-1].any():
        rows.append([UNSEEN_NAME, *counts[-1].tolist()])
    title = titled("Confusion", one.target, alone)
    return Table(named("confusion", one.target, alone), title, ["true class", *shown], rows, plot="matrix", note=note)


def calibration(one: Judged, alone: bool) -> Table:
    """What was said of the probabilities' ten bins, and what came true."""
    two = one.probabilities.shape[1] == 2
    return Table(
        named("calibration", one.target, alone),
        titled("Calibration", one.target, alone),
        ["predicted", "observed", "count"],
        calibration_bins(one),
        plot="calibration",
        note=f"The probability of {'the second class' if two else 'the most probable class'}, and how often it was it.",
        decimals={"predicted": 3, "observed": 3},
    )


def thresholds(names: Sequence[str], one: Judged, alone: bool) -> Table:
    """Precision, recall and F1 of the second class at other thresholds, and at the one that is used."""
    used = HALF if one.threshold is None else one.threshold
    positive, second = one.actual == 1, one.probabilities[:, 1]
    rows: list[list[Any]] = []
    for threshold in sorted({*GRID, used}):
        taken = second >= threshold
        rates = _rates(int((taken & positive).sum()), int(taken.sum()), int(positive.sum()))
        rows.append([threshold, *rates])
    return Table(
        named("thresholds", one.target, alone),
        titled("Thresholds", one.target, alone),
        ["threshold", "precision", "recall", "F1"],
        rows,
        plot="line",
        note=f"A row is of {names[1]!r} where its probability is the threshold or more. The one in use is {used:.4g}.",
        decimals={"threshold": 3, "precision": 3, "recall": 3, "F1": 3},
    )


def _rates(right: int, taken: int, there: int) -> list[float | None]:
    """Precision, recall and F1 from counts; None where there is nothing to take a share of."""
    return [
        right / taken if taken else None,
        right / there if there else None,
        2 * right / (taken + there) if taken + there else None,
    ]
