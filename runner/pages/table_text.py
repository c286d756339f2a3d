"""A table for a terminal: aligned, as wide as the terminal and no wider, plain or in colour."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from runner.contract import Table
from runner.pages.harmless_text import clean, columns_taken
from runner.pages.table_columns import Column, columns

GAP = "  "


def as_text(table: Table, width: int = 120, colour: bool = False) -> str:
    """Title, note and rows, in lines of at most ``width`` columns.

    Columns that do not fit go into a block below, which begins with the first column again. A first column that takes
    more than half of the width is cut. ``colour`` makes the title bold and the headings dim.
    """
    shown = columns(table)
    lines = [_styled(clean(table.title), "1", colour)]
    if table.note:
        lines += textwrap.wrap(clean(table.note), max(width, 40))
    if not shown:
        return "\n".join(lines)
    blocks = ["\n".join(_block(block, len(table.rows), colour)) for block in _blocks(shown, width)]
    return "\n".join([*lines, "", "\n\n".join(blocks)])


def _blocks(shown: Sequence[Column], width: int) -> list[list[Column]]:
    """The columns by block: each block has the first column, and at least one other where there are others."""
    first = _cut(shown[0], max(width // 2, 8))
    blocks, taken = [[first]], _width(first)
    for column in shown[1:]:
        wide = len(GAP) + _width(column)
        if len(blocks[-1]) > 1 and taken + wide > width:
            blocks.append([first])
            taken = _width(first)
        blocks[-1].append(column)
        taken += wide
    return blocks


def _block(block: Sequence[Column], rows: int, colour: bool) -> list[str]:
    widths = [_width(column) for column in block]
    heading = GAP.join(_padded(column.heading, wide, column) for column, wide in zip(block, widths, strict=True))
    rule = GAP.join("-" * wide for wide in widths)
    lines = [_styled(heading.rstrip(), "2", colour), _styled(rule, "2", colour)]
    for row in range(rows):
        cells = [_padded(column.cells[row], wide, column) for column, wide in zip(block, widths, strict=True)]
        lines.append(GAP.join(cells).rstrip())
    return lines


def _padded(text: str, wide: int, column: Column) -> str:
    blank = " " * (wide - columns_taken(text))
    return blank + text if column.numbers else text + blank


def _width(column: Column) -> int:
    return max(columns_taken(text) for text in (column.heading, *column.cells))


def _cut(column: Column, most: int) -> Column:
    cells = [text if columns_taken(text) <= most else _start(text, most - 1) + "…" for text in column.cells]
    return Column(column.heading, cells, column.numbers, column.places)


def _start(text: str, most: int) -> str:
    while columns_taken(text) > most:
        text = text[:-1]
    return text


def _styled(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour and text else text
