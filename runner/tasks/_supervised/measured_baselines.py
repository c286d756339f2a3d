"""The table of what a model has to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.contract import Measure, Table
from runner.tasks._supervised.target_metrics import Metrics


def baseline_table(rows: Mapping[str, Metrics], measures: Sequence[Measure]) -> Table:
    """One row a baseline, by name: the measures and the ends of their intervals, under their names as metrics.

    Errors in a target's own unit keep their own figures.
    """
    names: list[str] = []
    decimals: dict[str, int | None] = {}
    for measure in measures:
        ends = [measure.low, measure.high] if measure.interval else []
        names += [measure.metric, *ends]
        if measure.metric not in ("rmse", "mae"):
            decimals |= dict.fromkeys([measure.metric, *ends], measure.decimals)
    cells = [[name, *(metrics[metric] for metric in names)] for name, metrics in rows.items()]
    note = "Measured on the same held-out rows."
    return Table("baselines", "Baselines", ["model", *names], cells, note=note, decimals=decimals)
