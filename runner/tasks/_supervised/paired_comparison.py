"""Several models on the same rows: which is best by the headline, and which may as well be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from runner.contract import Measure, Table
from runner.statistics.paired_bootstrap import Resampled
from runner.tasks._supervised.target_metrics import decimals_of

Row = dict[str, Any]


def ranked(rows: Sequence[Row], redrawn: Sequence[Resampled | None], measures: tuple[Measure, Measure]) -> list[Row]:
    """The rows, the best first, each with ``best``, ``versus_best`` and ``tied_with_best``.

    ``redrawn`` has the first measure's samples of each row in column 0, drawn alike for all; the second measure orders
    those that are equal. ``versus_best`` is the paired difference of the first to the best model's, own less best, with
    its 95 % interval; ``tied_with_best`` says that the interval holds 0. Where the first is undefined for every model,
    none is best, and the rows are in the order of the second.
    """
    order = sorted(range(len(rows)), key=lambda at: tuple(_key(measure, rows[at]) for measure in measures))
    if not order or rows[order[0]].get(measures[0].metric) is None:
        return [rows[at] for at in order]
    best = order[0]
    parts = [part for part in redrawn if part is not None]
    # Where there is much to go through, some models have fewer samples: those are the first of the others'.
    samples = min(len(part.redrawn) for part in parts)
    paired = Resampled(
        np.array([part.mean[0] for part in parts]), np.stack([part.redrawn[:samples, 0] for part in parts], axis=1)
    )
    for at, row in enumerate(rows):
        gap = paired.difference(at, best)
        row["best"] = at == best
        row["versus_best"] = gap.as_dict()
        row["tied_with_best"] = gap.holds_zero
    return [rows[at] for at in order]


def models_table(rows: Sequence[Row], measures: Sequence[Measure]) -> Table:
    """One row a model, in the rows' order: the headline with its interval and its distance to the best, the others."""
    first = measures[0]
    columns = ["model", first.column, "low", "high", "versus best", "tied with best"]
    cells = [
        [row["label"], row[first.metric], row[first.low], row[first.high]]
        + [(row.get("versus_best") or {}).get("value"), row.get("tied_with_best")]
        + [row[measure.metric] for measure in measures[1:]]
        for row in rows
    ]
    return Table(
        "comparison",
        "Models side by side",
        [*columns, *(measure.column for measure in measures[1:])],
        cells,
        plot="bars",
        note="Tied with the best: the 95 % interval of the paired difference holds 0.",
        decimals=decimals_of(measures) | {"versus best": first.decimals},
    )


def targets_by_model(rows: Sequence[Row], headline: Measure) -> list[Table]:
    """One row a target, one column a model: the headline of each. No table where there is one target."""
    end = f"/{headline.metric}"
    targets = [name.removesuffix(end) for name in rows[0] if name.endswith(end)] if rows else []
    if not targets:
        return []
    labels = [row["label"] for row in rows]
    cells = [[target, *(row[target + end] for row in rows)] for target in targets]
    decimals = dict.fromkeys(labels, headline.decimals)
    return [Table("targets", f"{headline.label}, target by target", ["target", *labels], cells, decimals=decimals)]


def _key(measure: Measure, row: Row) -> float:
    """The better, the smaller; last what is undefined."""
    value = row.get(measure.metric)
    return math.inf if value is None else -measure.key(value)
