"""How a comparison of models of classes or numbers reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.contract import Measure, Table
from runner.contract.quantities import counted
from runner.pages.harmless_text import clean
from runner.pages.html import Markup
from runner.pages.numbers import number
from runner.tasks.compared import fit, gap, interval, size

LEGEND = (
    "~ not distinguishable from the best: the 95 % interval of the paired difference, drawn over rows, holds 0",
    "ms/1k rows: answering a thousand rows, encoded already",
)
PAGE_LEGEND = (
    "Grey differences may as well be none: the 95 % interval of the paired difference, drawn over rows or groups of "
    "rows, holds 0. Fit: from the data being there to the model being measured."
)


def header(headline: Measure, own: Sequence[Measure]) -> tuple[str, ...]:
    """The table's columns."""
    columns = ("model", headline.column, "95 % interval", "vs best", *(measure.column for measure in own))
    return (*columns, "fit", "ms/1k rows", "size")


def cells(row: Mapping[str, Any], headline: Measure, own: Sequence[Measure]) -> tuple[str, ...]:
    """One row of it."""
    shown = number(row[headline.metric], headline.decimals) if headline.metric in row else row["state"]
    per_row = row.get("inference_ms_per_row")
    speed = number(None if per_row is None else 1000 * per_row, 1)
    return (
        clean(row["label"]), shown, interval(row, headline.metric), gap(row),
        *(number(row.get(measure.metric), measure.decimals) for measure in own),
        fit(row), speed, size(row.get("bytes")),
    )  # fmt: skip


def held_out(found: Mapping[str, Any]) -> list[str]:
    """What the models were measured on, in sentences."""
    facts = found["held_out"]
    grouped = f" of {counted(facts['groups'], 'groups')}" if facts.get("groups") else ""
    rows = counted(facts["rows"], "held-out rows")
    said = [f"measured on the same {rows}{grouped}, none of which any model was trained on"]
    odd = [row for row in found["table"] if row.get("warnings")]
    return said + [f"{clean(row['label'])}: {clean(warning)}" for row in odd for warning in row["warnings"]]


def sections(found: Mapping[str, Any]) -> list[tuple[str, Markup]]:
    """What the page shows below the table: the targets apart, where there are several."""
    from runner.pages.table_page import as_html

    tables = [table for document in found.get("tables", ()) if (table := Table.read(document)) is not None]
    return [(table.title, as_html(table)) for table in tables if table.name != "comparison"]
