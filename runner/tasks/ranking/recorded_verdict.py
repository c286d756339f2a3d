"""The verdict that a run recorded, as lines of text. Any file may be torn or made up: what does not fit is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.contract import Table
from runner.pages.harmless_text import clean
from runner.pages.table_columns import INTERVAL, columns
from runner.tasks.ranking.verdict_words import POLICIES, VERDICT

#: What a terminal shows of the measures beside the policies, by how their names begin.
WITH_INTERVAL = "cost saved"
SHOWN = ("AIQ", "APGR", "CPT", WITH_INTERVAL)


def sentences(recorded: Mapping[str, Any]) -> list[str]:
    """What the run's choices are worth, in words; none where it was not measured."""
    table = Table.read(recorded.get(VERDICT))
    note = table.note if table is not None else ""
    return [clean(line) for line in note.splitlines()] if isinstance(note, str) else []


def lines(recorded: Mapping[str, Any]) -> list[str]:
    """What a terminal shows: the policies, some of the measures, and the sentences."""
    said = sentences(recorded)
    policies, measures = _table(recorded, POLICIES), _table(recorded, VERDICT)
    if policies is None or measures is None or not said:
        return []
    return ["", *aligned(policies), *_measures(measures), *said]


def aligned(table: Table) -> list[str]:
    """The table's rows below its header, numbers on the right of their columns; columns without text are left out."""
    shown = [column for column in columns(table) if any(cell not in ("", "-") for cell in column.cells)]
    widths = [max(map(len, [column.heading, *column.cells])) for column in shown]
    rows = zip(*([column.heading, *column.cells] for column in shown), strict=True)
    return [
        "  ".join(
            cell.rjust(width) if column.numbers else cell.ljust(width)
            for cell, width, column in zip(row, widths, shown, strict=True)
        ).rstrip()
        for row in rows
    ]


def _measures(table: Table) -> list[str]:
    names, values, *others = columns(table)
    told = []
    between = next((column.cells for column in others if column.heading == INTERVAL), [""] * len(names.cells))
    for name, value, ends in zip(names.cells, values.cells, between, strict=True):
        if name.startswith(SHOWN) and value != "-":
            told.append(
                f"{name} {value}" + (f" ({INTERVAL} {ends})" if name.startswith(WITH_INTERVAL) and ends else "")
            )
    return ["; ".join(told)] if told else []


def _table(recorded: Mapping[str, Any], name: str) -> Table | None:
    table = Table.read(recorded.get(name))
    if table is None or not isinstance(table.rows, list) or not isinstance(table.columns, list):
        return None
    whole = all(isinstance(row, list) and len(row) == len(table.columns) for row in table.rows)
    named = all(isinstance(column, str) for column in table.columns) and len(table.columns) > 1
    return table if whole and named and isinstance(table.decimals, Mapping) and table.rows else None
