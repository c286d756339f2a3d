"""Matrices as tables of coloured cells: who beats whom, and any table of numbers by row and column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.contract import Table
from runner.pages.harmless_text import clean
from runner.pages.html import Markup, join, tag
from runner.pages.numbers import finite
from runner.pages.table_columns import cell

#: More LLMs than this make no picture; those with the most comparisons are shown.
MOST = 30
#: The deepest colour, in per cent: text on it stays readable, in light and in dark.
DEEPEST = 55
#: More rows or columns than this make no picture; the first are shown.
MOST_CELLS = 60


def matrix(table: Table) -> Markup:
    """A table whose first column names the rows, as coloured cells; empty where a cell is neither a number nor None.

    Counts are coloured by their share of the row, whose per cent stands below; other numbers by their size.
    """
    values = [[finite(value) for value in row[1:]] for row in table.rows]
    if len(table.columns) < 2 or any(
        value is None and raw is not None
        for line, row in zip(values, table.rows, strict=True)
        for value, raw in zip(line, row[1:], strict=True)
    ):
        return Markup()
    known = [raw for row in table.rows for raw in row[1:] if raw is not None]
    counts = all(isinstance(raw, int) and raw >= 0 for raw in known)
    largest = max((abs(value) for line in values for value in line if value is not None), default=0.0)
    names = list(table.columns[1 : MOST_CELLS + 1])
    head = [tag("th", table.columns[0], "corner"), *(tag("th", tag("span", name), "up", title=name) for name in names)]
    body = []
    for line, row in zip(values[:MOST_CELLS], table.rows, strict=False):
        total = sum(value for value in line if value is not None) if counts else 0.0
        cells = [tag("td", cell(row[0]), "llm", title=cell(row[0]))]
        for name, value in zip(names, line, strict=False):
            said = f"{cell(row[0])}, {clean(name)}"
            decimals = table.decimals.get(name)
            if value is None:
                cells.append(tag("td", "·", "cell none", title=f"{said}: not known"))
            elif counts:
                share = value / total if total else 0.0
                inside = join([cell(int(value)), tag("small", f"{100 * share:.0f} %")])
                title = f"{said}: {int(value):,} of {int(total):,} in the row"
                cells.append(_coloured(inside, share, "won", title))
            else:
                share = abs(value) / largest if largest else 0.0
                text = cell(value, 2 if decimals is None else decimals)
                cells.append(_coloured(text, share, "won" if value >= 0 else "lost", f"{said}: {text}"))
        body.append(tag("tr", join(cells)))
    made = tag("table", join([tag("thead", tag("tr", join(head))), tag("tbody", join(body))]), "heat")
    parts = [tag("div", made, "box")]
    if len(table.rows) > MOST_CELLS or len(table.columns) - 1 > MOST_CELLS:
        size = f"{len(table.rows):,} rows and {len(table.columns) - 1:,} columns"
        parts.append(tag("p", f"The first {MOST_CELLS} of {size}; the run's tables have all.", "soft"))
    return join(parts)


def _coloured(inside: object, share: float, css: str, title: str) -> Markup:
    return tag("td", inside, f"cell {css}", style=f"--much: {round(DEEPEST * share)}%", title=title)


def win_rates(found: Mapping[str, Any] | None) -> Markup:
    """The share of decided comparisons that the row's LLM won against the column's, and their number."""
    if not found or len(found["models"]) < 2:
        return Markup()
    models = found["models"]
    busiest = sorted(range(len(models)), key=lambda at: -sum(found["count"][at]))[:MOST]
    shown = sorted(busiest)
    head = [tag("th", ""), tag("th", tag("span", "all"), "up")]
    head += [tag("th", tag("span", models[at]), "up", title=models[at], scope="col") for at in shown]
    body = []
    for at in shown:
        wins, count = sum(found["wins"][at]), sum(found["count"][at])
        line = [tag("td", models[at], "llm", title=models[at]), _cell(wins, count, f"{models[at]} against all")]
        for other in shown:
            if other == at:
                line.append(tag("td", "", "cell none"))
                continue
            said = f"{models[at]} against {models[other]}"
            line.append(_cell(found["wins"][at][other], found["count"][at][other], said))
        body.append(tag("tr", join(line)))
    table = tag("table", join([tag("thead", tag("tr", join(head))), tag("tbody", join(body))]), "heat")
    some = f" The {MOST} LLMs with the most comparisons, of {len(models)}." if len(models) > MOST else ""
    intro = tag(
        "p",
        "How often the LLM of the row beat the LLM of the column, in per cent of their decided comparisons, and how "
        f"many those are, in all of the data, training and held-out part.{some}",
        "soft",
    )
    return join([intro, tag("div", table, "box")])


def _cell(wins: int, count: int, pair: str) -> Markup:
    if not count:
        return tag("td", "·", "cell none", title=f"{clean(pair)}: no decided comparison")
    rate = wins / count
    much = round(2 * DEEPEST * abs(rate - 0.5))
    inside = join([f"{100 * rate:.0f}", tag("small", f"{count:,}")])
    css = "cell won" if rate >= 0.5 else "cell lost"
    return tag("td", inside, css, style=f"--much: {much}%", title=f"{clean(pair)}: won {wins:,} of {count:,}")
