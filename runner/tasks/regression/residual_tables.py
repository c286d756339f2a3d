"""The tables of a regressor: how its errors are spread, predicted against true numbers, and its worst rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from runner.contract import Table
from runner.tasks._supervised.target_metrics import TABLED, Metrics, named, targets_table, titled
from runner.tasks.regression import TASK
from runner.tasks.regression.point_metrics import Judged

BINS, POINTS, WORST = 20, 500, 20


def tables(
    judged: Sequence[Judged],
    each: Mapping[str, Metrics],
    metrics: Metrics,
    seed: int,
    ids: Sequence[str | int] | None,
) -> list[Table]:
    """All tables, none without a row: of several targets an overview first, then those of the first few."""
    if not metrics["n_validation"]:
        return []
    alone = len(judged) == 1
    made = [] if alone else [targets_table(each, TASK.measures)]
    for one in judged[:TABLED]:
        made += [residuals(one, alone), predictions(one, alone, seed)]
        if ids is not None:
            made.append(worst_rows(one, alone, ids))
    return made


def residuals(one: Judged, alone: bool) -> Table:
    """How many held-out rows have which error: twenty bins of equal width."""
    # Over a power of two, so that the width of the bins is a number for the largest errors too.
    scaled = np.ldexp(one.error, -one.error_exponent)
    try:
        counts, edges = np.histogram(scaled, bins=BINS)
    except ValueError:
        # The errors differ by less than twenty steps of a float.
        counts, edges = np.array([len(scaled)]), np.array([scaled.min(), scaled.max()])
    edges = np.ldexp(edges, one.error_exponent)
    rows = [
        [float(low), int(count), float(high)] for low, count, high in zip(edges[:-1], counts, edges[1:], strict=True)
    ]
    return Table(
        named("residuals", one.target, alone),
        titled("Residuals", one.target, alone),
        ["residual", "rows", "to"],
        rows,
        plot="histogram",
        note="Predicted less true: a model that predicts too much has more rows on the right.",
    )


def predictions(one: Judged, alone: bool, seed: int) -> Table:
    """Predicted and true numbers of at most five hundred held-out rows."""
    count = len(one.actual)
    chosen = np.arange(count)
    note = "A perfect model's points lie on the diagonal."
    if count > POINTS:
        chosen = np.sort(np.random.default_rng([seed, 0x73]).choice(count, POINTS, replace=False))
        note += f" {POINTS} of {count:,} held-out rows, drawn at random."
    return Table(
        named("predictions", one.target, alone),
        titled("Predicted against true", one.target, alone),
        ["true", "predicted"],
        np.column_stack([one.actual[chosen], one.predicted[chosen]]).tolist(),
        plot="scatter",
        note=note,
    )


def worst_rows(one: Judged, alone: bool, ids: Sequence[str | int]) -> Table:
    """The twenty rows with the greatest errors, the greatest first."""
    order = np.argsort(-np.abs(one.error), kind="stable")[:WORST]
    rows: list[list[Any]] = [
        [ids[at], float(one.actual[at]), float(one.predicted[at]), float(one.error[at])] for at in order
    ]
    return Table(
        named("worst_rows", one.target, alone),
        titled("Greatest errors", one.target, alone),
        ["row", "true", "predicted", "error"],
        rows,
    )
