"""What the training of a language model recorded, as it ends: the tasks that it was asked, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.contract import Table
from runner.contract.quantities import counted
from runner.pages.numbers import finite, number


def read_tables(recorded: Mapping[str, Any]) -> list[Table]:
    """None of another shape than tables have."""
    return []


def ending(recorded: Mapping[str, Any]) -> list[str]:
    """A line a figure: ``sums/exact_match 0.312, 95 % interval [0.214, 0.430], over 64 rows; 0.015 before
    the training``.

    A table that is torn has none.
    """
    table = Table.read(recorded.get("tasks"))
    if table is None or not isinstance(table.rows, list) or not isinstance(table.columns, list):
        return []
    lines = []
    for row in (row for row in table.rows if isinstance(row, list)):
        cells = dict(zip(table.columns, row, strict=False))
        after, low, high, before = (number(cells.get(name), 3) for name in ("after", "low", "high", "before"))
        within = "" if finite(cells.get("low")) is None else f", 95 % interval [{low}, {high}]"
        rows = counted(int(finite(cells.get("n")) or 0), "rows")
        lines.append(
            f"{cells.get('task')}/{cells.get('metric')} {after}{within}, over {rows}; {before} before the training"
        )
    return lines
