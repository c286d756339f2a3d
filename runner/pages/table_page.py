"""A table on a page: its rows, and the picture that its ``plot`` asks for.

Bars stand in the rows themselves, a matrix is its rows in colour, and the other plots stand beside their rows. What
does not fit the picture (text where numbers should be) is shown as rows alone: any file may be made up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.contract import Table
from runner.pages import heat, plots, table_plots
from runner.pages.harmless_text import clean
from runner.pages.html import Markup, join, tag
from runner.pages.html import table as html_table
from runner.pages.numbers import finite, interval, number
from runner.pages.point_map import point_map
from runner.pages.table_columns import PICTURE, Column, columns, interval_places

#: Rows that a page shows; all are in the run's tables.
MOST_ROWS = 1000
#: Characters up to which a cell stays on one line.
SHORT = 24
#: Columns from which on a table is set closer.
WIDE = 7
#: Rows that stand beside their picture; more are folded away below it.
MOST_BESIDE = 16


def as_html(table: Table, own: int | None = None) -> Markup:
    """What stands below the table's title; empty where it has no rows. ``own`` is the row to bring out.

    A first column ``#`` holds the rows' places: the plot's columns count from the next.
    """
    if not table.rows:
        return Markup()
    note = tag("p", table.note, "soft") if table.note else Markup()
    if table.plot == "matrix" and (drawn := heat.matrix(table)):
        return join([note, drawn])
    shown = Table(table.name, table.title, table.columns, table.rows[:MOST_ROWS], table.plot, "", table.decimals)
    if table.plot == "bars" and (rows := _bars(shown, own)):
        return join([note, rows, _left_out(table)])
    rows = join([_rows(_filled(columns(shown, pictures=True)), {}, own), _left_out(table)])
    picture = _picture(table)
    if not picture:
        return join([note, rows])
    figure = tag("figure", picture)
    if len(table.rows) > MOST_BESIDE or len(table.columns) > 5:
        said = f"The numbers, {len(table.rows):,} rows"
        return join([note, figure, tag("details", join([tag("summary", said), rows]))])
    return join([note, tag("div", join([figure, tag("div", rows)]), "plots")])


def domain_of(values: Sequence[object]) -> tuple[float, float]:
    """The range of the numbers among ``values`` with a little air, never empty."""
    known = [value for each in values if (value := finite(each)) is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    air = (high - low) * 0.05 or abs(low) * 0.1 or 1.0
    return low - air, high + air


def _filled(shown: Sequence[Column]) -> list[Column]:
    """The columns that have text in a row, and always the first."""
    return [column for at, column in enumerate(shown) if at == 0 or any(column.cells)]


def _rows(shown: Sequence[Column], drawn: dict[int, tuple[Markup, list[Markup]]], own: int | None) -> Markup:
    """The rows; ``drawn`` has a heading and cells to put behind the shown column of that number."""
    headings: list[object] = []
    classes: list[str] = []
    cells: list[Sequence[object]] = []
    for at, column in enumerate(shown):
        headings.append(column.heading)
        if column.pictures:
            classes.append("short")
            cells.append([picture(url) for url in column.cells])
            continue
        long = any(len(text) > SHORT for text in column.cells)
        text = f"{'who ' if at == 0 or long else ''}{'long' if long else 'short'}"
        classes.append("n" if column.numbers else text)
        cells.append(column.cells)
        if at in drawn:
            headings.append(drawn[at][0])
            classes.append("plotted")
            cells.append(drawn[at][1])
    css = "wide" if len(headings) >= WIDE else ""
    return html_table(headings, list(zip(*cells, strict=True)), classes, own, css=css)


def picture(url: str) -> Markup:
    """A small picture, of which :data:`~runner.pages.table_columns.PICTURE` says what it may be."""
    return Markup(f'<img src="{url}" alt="">') if PICTURE.fullmatch(url) else Markup()


def _bars(table: Table, own: int | None) -> Markup:
    """The rows with a bar from 0, or a dot with its interval, behind the first number. Empty where there is none."""
    named = 1 if table.columns[0] == "#" else 0
    if len(table.columns) < named + 2:
        return Markup()
    ends = interval_places(table)
    shown = _filled(columns(table))
    behind = next((at for at, column in enumerate(shown) if column.places == (named + 1,)), None)
    lengths = [finite(row[named + 1]) for row in table.rows]
    if behind is None or all(length is None for length in lengths):
        return Markup()
    decimals = table.decimals.get(table.columns[named + 1])
    drawn = []
    if ends is None:
        domain = domain_of([0.0, *lengths])
        known = [length for length in lengths if length is not None]
        # No air on the side of 0: a bar begins at the edge.
        domain = (0.0 if min(known) >= 0 else domain[0], 0.0 if max(known) <= 0 < -min(known) else domain[1])
        for row, length in zip(table.rows, lengths, strict=True):
            drawn.append(Markup(plots.bar(length, domain, f"{clean(row[named])}: {number(length, decimals)}")))
    else:
        low, high = ends
        domain = domain_of([row[at] for row in table.rows for at in (named + 1, low, high)])
        for place, (row, length) in enumerate(zip(table.rows, lengths, strict=True)):
            title = ", ".join(filter(None, (number(length, decimals), interval(row[low], row[high], decimals))))
            colour = "two" if place == own else "one"
            picture = plots.interval(length, finite(row[low]), finite(row[high]), domain, title, colour)
            drawn.append(Markup(picture))
    width = plots.NARROW_COLUMN if len(shown) + 1 >= WIDE else plots.COLUMN
    return _rows(shown, {behind: (Markup(plots.axis(domain, width)), drawn)}, own)


def _left_out(table: Table) -> Markup:
    if len(table.rows) <= MOST_ROWS:
        return Markup()
    return tag("p", f"The first {MOST_ROWS:,} of {len(table.rows):,} rows; the run's tables have all.", "soft")


def _picture(table: Table) -> Markup:
    """The plot of a table whose columns fit it, else nothing."""
    title = clean(table.title)
    names = [clean(name) for name in table.columns]
    if table.plot == "calibration":
        return _calibration(table)
    if len(names) < 2:
        return Markup()
    if table.plot == "line":
        x, *ys = _numbers(table, range(len(names)))
        each = {name: y for name, y in zip(names[1:], ys, strict=True) if np.isfinite(y).any()}
        if not np.isfinite(x).any() or not each:
            return Markup()
        each = dict(list(each.items())[: len(table_plots.COLOURS)])
        return join([Markup(table_plots.lines(x, each, title, names[0])), key(list(each))])
    if table.plot == "histogram":
        left, count = _whole(table, (0, 1))
        order = np.argsort(left, kind="stable")
        if not len(left) or (count < 0).any() or (np.diff(left[order]) <= 0).any():
            return Markup()
        return Markup(table_plots.histogram(left[order], count[order], title, (names[0], names[1])))
    if table.plot == "scatter":
        ends = interval_places(table)
        found = _whole(table, (0, 1, *(ends or ())))
        if not len(found[0]):
            return Markup()
        return Markup(table_plots.scatter(found[0], found[1], title, (names[0], names[1]), *found[2:]))
    if table.plot == "map" and len(names) > 2:
        x, y = _numbers(table, (1, 2))
        known = np.isfinite(x) & np.isfinite(y)
        if known.any():
            named = [clean(row[0]) for row, has in zip(table.rows, known, strict=True) if has]
            return Markup(point_map(x[known], y[known], named, title))
    return Markup()


def _calibration(table: Table) -> Markup:
    if not {"predicted", "observed", "count"} <= set(table.columns):
        return Markup()
    ends = interval_places(table)
    predicted, observed, count, *edges = _whole(
        table, (*map(list(table.columns).index, ("predicted", "observed", "count")), *(ends or ()))
    )
    kept = count > 0
    predicted, observed, count, *edges = (each[kept] for each in (predicted, observed, count, *edges))
    if not len(predicted):
        return Markup()
    if not edges:
        order = np.argsort(predicted, kind="stable")
        predicted, observed, count = predicted[order], observed[order], count[order]
        middles = (predicted[1:] + predicted[:-1]) / 2
        edges = [np.concatenate([[0.0], middles]), np.concatenate([middles, [1.0]])]
    title = f"{clean(table.title)}: reliability diagram over {len(predicted)} bins"
    return Markup(plots.reliability(predicted, edges[0], edges[1], observed, count, title))


def _numbers(table: Table, places: Sequence[int]) -> list[np.ndarray]:
    """Columns as float [n]; NaN for what is no number."""
    found = [[finite(row[at]) for row in table.rows] for at in places]
    return [np.array([np.nan if value is None else value for value in column], float) for column in found]


def _whole(table: Table, places: Sequence[int]) -> list[np.ndarray]:
    """Columns as float [n], of the rows in which all of them are numbers."""
    found = np.stack(_numbers(table, places))
    return list(found[:, np.isfinite(found).all(axis=0)])


def key(names: Sequence[str]) -> Markup:
    """Which colour is which line."""
    if len(names) < 2:
        return Markup()
    marks = [tag("span", name, f"key {colour}") for name, colour in zip(names, table_plots.COLOURS, strict=False)]
    return tag("figcaption", join(marks, " "))
