"""A table's columns as text: what a terminal, a page and Markdown show alike.

Two neighbours whose names end with ``low`` and ``high`` are one column, an interval. It is called by what stands before
(``middle half low`` and ``middle half high`` are ``middle half``), and ``95 % interval`` where nothing does. ``from``
and ``to`` are drawn, and shown nowhere as text. Small pictures, each a ``data:`` URL, are shown on a page alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runner.contract import Table
from runner.pages.harmless_text import clean
from runner.pages.numbers import finite, interval, number

INTERVAL = "95 % interval"
#: A small picture as a cell holds it: nothing else of such a URL is let onto a page.
PICTURE = re.compile(r"data:image/(?:png|jpeg|webp);base64,[A-Za-z0-9+/]{1,40000}={0,2}")


@dataclass(frozen=True)
class Column:
    """One column that is shown: its heading, its cells, whether they are numbers, and the table's columns in it."""

    heading: str
    cells: list[str]
    numbers: bool
    places: tuple[int, ...]
    #: Whether its cells are pictures, as ``data:`` URLs.
    pictures: bool = False


def columns(table: Table, *, pictures: bool = False) -> list[Column]:
    """Every column that is shown, in the table's order; with ``pictures`` those of pictures too."""
    found = []
    for places in _places(table):
        if _of_pictures(table, places[0]):
            if pictures:
                cells = [row[places[0]] or "" for row in table.rows]
                found.append(Column(clean(table.columns[places[0]]), cells, False, places, True))
            continue
        name = table.columns[places[0]]
        decimals = table.decimals.get(name)
        if len(places) == 2:
            texts = [interval(row[places[0]], row[places[1]], decimals) for row in table.rows]
            found.append(Column(_heading(name), texts, True, places))
            continue
        values = [row[places[0]] for row in table.rows]
        texts = [cell(value, decimals) for value in values]
        numbers = all(value is None or finite(value) is not None or isinstance(value, float) for value in values)
        found.append(Column(clean(name), texts, numbers, places))
    return found


def _of_pictures(table: Table, at: int) -> bool:
    """Whether a column has nothing but pictures; a cell may lack one."""
    cells = [row[at] for row in table.rows if row[at] is not None]
    return bool(cells) and all(isinstance(each, str) and PICTURE.fullmatch(each) for each in cells)


def cell(value: object, decimals: int | None = None) -> str:
    """One cell as a person reads it: ``yes``, ``1,204``, ``0.4123``, ``-`` for what is not known, or the text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, float):
        return number(value, decimals)
    return number(value) if isinstance(value, int) else clean(value)


def interval_places(table: Table) -> tuple[int, int] | None:
    """Where the first interval's ends are, drawn or shown; None where the table has none."""
    pairs = (("low", "high"), ("from", "to"))
    for at in range(len(table.columns) - 1):
        if any(_pair(table, at, *ends) for ends in pairs):
            return at, at + 1
    return None


def _places(table: Table) -> Iterator[tuple[int, ...]]:
    at = 0
    while at < len(table.columns):
        if _pair(table, at, "from", "to"):
            at += 2
        elif _pair(table, at, "low", "high"):
            yield at, at + 1
            at += 2
        else:
            yield (at,)
            at += 1


def _pair(table: Table, at: int, first: str, second: str) -> bool:
    if at + 1 >= len(table.columns):
        return False
    low, high = table.columns[at], table.columns[at + 1]
    return low.endswith(first) and high.endswith(second) and low[: -len(first)] == high[: -len(second)]


def _heading(low: str) -> str:
    named = low.removesuffix("low")
    if named.endswith("_"):
        return f"{clean(named[:-1])}, {INTERVAL}"
    return clean(named).strip() or INTERVAL
