"""A table as Markdown, to paste into a document."""

from __future__ import annotations

from runner.contract import Table
from runner.pages.harmless_text import clean
from runner.pages.table_columns import columns


def as_markdown(table: Table, level: int = 2) -> str:
    """A heading of ``level``, the note, and the rows; numbers stand on the right."""
    shown = columns(table)
    head = "| " + " | ".join(_escaped(column.heading) for column in shown) + " |"
    rule = "|" + "|".join("---:" if column.numbers else "---" for column in shown) + "|"
    body = ["| " + " | ".join(_escaped(column.cells[row]) for column in shown) + " |" for row in range(len(table.rows))]
    parts = [f"{'#' * level} {_escaped(clean(table.title))}"]
    if table.note:
        parts.append(_escaped(clean(table.note)))
    return "\n\n".join([*parts, "\n".join([head, rule, *body])]) + "\n"


def _escaped(text: str) -> str:
    """Text that ends no cell and begins no tag."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
