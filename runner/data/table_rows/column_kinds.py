"""What a column is, found by looking at all of its cells, or as the spec says."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from runner.data.table_rows import dates
from runner.data.table_rows.column_encoding import Column, Place, Read
from runner.data.table_rows.values import (
    MISSING_WORDS,
    codes_of_digits,
    comma_numbers,
    in_thousands,
    numbers_in,
    source_of,
    texts,
    words_of,
)
from runner.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

    from runner.data.table_rows.section import TableData

#: More words than this, each in fewer than two rows, are no categories but names or texts.
CATEGORIES = 100
#: More words in a cell than this, on average, are a text.
LONG = 5.0
#: Where at least this share of a column's cells is numbers, its words are mistakes unless the spec says otherwise.
NUMBERS = 0.5
#: The same of dates.
DATES = 0.5
#: More words than this may be texts by their length.
FEW = 20
#: Lines and words that a message names.
SHOWN = 5


class TextColumn(NamedTuple):
    """A column that looks like texts."""

    name: str
    #: One of its cells.
    cell: str
    #: Whether all of its cells are numbers.
    numeric: bool


class TextsUnsaid(DataError):
    """Columns that look like texts, and the spec does not say what becomes of them."""

    def __init__(self, columns: Sequence[TextColumn]) -> None:
        self.columns = list(columns)
        names = [column.name for column in columns]
        message = f"column {names[0]!r} looks like texts or names, such as {columns[0].cell!r:.60}"
        whose, it = "its texts", "it"
        if len(names) > 1:
            cells = ", ".join(f"{column.name!r} ({column.cell!r:.60})" for column in columns)
            message = f"{len(names)} columns look like texts or names: {cells}"
            whose, it = f"the texts of {', '.join(repr(column.name) for column in columns if column.numeric)}", "them"
        hints = [f'"ignored_columns": {json.dumps(names, ensure_ascii=False)}', '"categorical_columns"']
        if any(column.numeric for column in columns):
            hints.append(f'"numerical_columns", as {whose} are numbers')
        super().__init__(
            message,
            where="/data/text",
            hint=f'say what becomes of {it}: {", or ".join(hints)}, or "text_columns", whose words are counted; '
            'for all such columns, "text": "hash" or "ignore"',
        )


def look(
    name: str, array: pa.ChunkedArray, section: TableData, place: Place, *, untyped: bool
) -> tuple[Column, Read] | str:
    """The column and its cells, or why it is left out. Raises :class:`DataError` where it has to be said what it is."""
    kind = _given(name, section)
    missing = tuple(section.missing_values)
    column = Column(name, kind or "number", missing_values=missing, decimal=section.decimal)
    source = source_of(array)
    if source == "other":
        raise DataError(
            f"column {name!r} has cells of type {array.type}, and a table's cells are single values",
            where="/data/dataset",
            hint=f"make columns of its parts, or leave it out: data.ignored_columns has {name!r}",
        )
    if array.null_count == len(array):
        return "has no value at all"
    if kind == "date" or (kind is None and source == "moment"):
        return _date(column, array, section, place)
    if kind is None and source == "text":
        return _of_texts(column, array, section, place, untyped)
    if kind is None:
        column = _as(column, kind="bool" if source == "bool" else "number")
    if column.kind == "text":
        column = _as(column, text_features=section.text_features)
    return column, column.read(array, place)


def _given(name: str, section: TableData) -> Any:
    for kind in ("categorical", "numerical", "date", "text"):
        if name in getattr(section, f"{kind}_columns"):
            return {"categorical": "category", "numerical": "number"}.get(kind, kind)
    # Who says how a column's dates are written says that it is dates.
    return "date" if isinstance(section.date_format, dict) and name in section.date_format else None


def _as(column: Column, **changes: Any) -> Column:
    from dataclasses import replace

    return replace(column, **changes)


def _of_texts(
    column: Column, array: pa.ChunkedArray, section: TableData, place: Place, untyped: bool
) -> tuple[Column, Read] | str:
    cells = texts(array, column.missing_values)
    words = cells.dictionary
    if not len(words):
        return "has no value at all"
    if untyped:
        _need_commas(column, words, place)
        if found := _number(column, array, cells, place):
            return found
    few = words.slice(0, CATEGORIES).to_pylist()
    if untyped and {word.lower() for word in few} <= {"true", "false"}:
        column = _as(column, kind="bool")
        return column, column.read(array, place)
    if _are_dates(column, words, cells, section):
        return _date(column, array, section, place)
    if untyped and column.decimal == "." and comma_numbers(few):
        raise DataError(
            f"column {column.name!r} has numbers with a decimal comma, such as {few[0]!r}",
            where=place(0),
            hint='set data.decimal to ",", or name the column in data.categorical_columns'
            + ("; take the commas out of the file if they part thousands" if all(map(in_thousands, few)) else ""),
        )
    if _is_text(words, cells):
        return _text(column, array, section, place)
    column = _as(column, kind="category")
    return column, Read(words=words_of(cells))


def _need_commas(column: Column, words: pa.Array, place: Place) -> None:
    """Raise for numbers with a decimal point where the spec says that a comma stands before the fraction."""
    if column.decimal != ",":
        return
    pointed = ~numbers_in(words.dictionary_encode(), ".")[1]
    strays = pointed & numbers_in(words.dictionary_encode(), ",")[1]
    if strays.any() and pointed.sum() >= NUMBERS * len(words):
        raise DataError(
            f"column {column.name!r} has numbers with a decimal point, such as "
            f"{words[int(np.argmax(strays))].as_py()!r}, and data.decimal is a comma",
            where=place(0),
            hint="take data.decimal out, write all numbers of the file alike, or name the column in "
            "data.categorical_columns",
        )


def _number(
    column: Column, array: pa.ChunkedArray, cells: pa.DictionaryArray, place: Place
) -> tuple[Column, Read] | None:
    """The column as numbers, if all of its words are, but for such as NA."""
    words = cells.dictionary
    _, bad = numbers_in(words.dictionary_encode(), column.decimal)
    if bad.all():
        return None
    all_words = words.to_pylist()
    real = [int(at) for at in np.flatnonzero(bad) if all_words[at].lower() not in MISSING_WORDS]
    if codes_of_digits(all_words[:10_000]) or (column.decimal == "." and comma_numbers(all_words)):
        return None
    if not real:
        return column, column.read(array, place)
    codes = np.asarray(cells.indices.fill_null(-1), np.int64)
    counts = np.bincount(codes[codes >= 0], minlength=len(words))
    rows = np.flatnonzero(np.isin(codes, real))
    numbers = int(counts[~bad].sum())
    if numbers < NUMBERS * (numbers + len(rows)):
        return None
    raise DataError(
        f"column {column.name!r} has numbers, and {_words(all_words, real)} among them in {_lines(rows, place)}",
        where=place(int(rows[0])),
        hint=f"mend the cells, or name the words in data.missing_values if they mean a missing cell, or name "
        f"{column.name!r} in data.categorical_columns if its numbers are categories",
    )


def _is_text(words: pa.Array, cells: pa.DictionaryArray) -> bool:
    rows = len(cells) - cells.null_count
    if len(words) > CATEGORIES and len(words) > rows / 2:
        return True
    sample = words.slice(0, 1000).to_pylist()
    return len(words) > FEW and sum(len(re.findall(r"\S+", word)) for word in sample) / len(sample) > LONG


def _text(column: Column, array: pa.ChunkedArray, section: TableData, place: Place) -> tuple[Column, Read] | str:
    if section.text == "ignore":
        return "looks like texts, and data.text says ignore"
    if section.text == "hash":
        column = _as(column, kind="text", text_features=section.text_features)
        return column, column.read(array, place)
    written = texts(array, column.missing_values).dictionary.dictionary_encode()
    numeric = not numbers_in(written, column.decimal)[1].any()
    raise TextsUnsaid([TextColumn(column.name, str(array.drop_null()[0].as_py()), numeric)])


def _are_dates(column: Column, words: pa.Array, cells: pa.DictionaryArray, section: TableData) -> bool:
    """Whether at least half of the cells are dates: what the others are is for :func:`_date` to refuse by line.

    Raises :class:`DataError` for dates that are not written as the spec says of all.
    """
    given = _format(column.name, section)
    found = dates.formats_of(words)
    forms = given or found
    if not forms:
        return False
    fit = ~dates.read_each(words, forms[0])[1]
    if given and not fit.any() and found:
        raise DataError(
            f"date_format fits no cell of {column.name!r}, which has dates such as {words[0].as_py()!r}",
            where="/data/date_format",
            hint="say it by column: "
            + " or ".join(f'"date_format": {{"{column.name}": "{each}"}}' for each in found)
            + ", or what else the column is: data.categorical_columns, data.ignored_columns",
        )
    codes = np.asarray(cells.indices.drop_null(), np.int64)
    return bool(fit[codes].mean() >= DATES)


def _format(name: str, section: TableData) -> Sequence[str]:
    form = section.date_format.get(name) if isinstance(section.date_format, dict) else section.date_format
    return [form] if form else []


def _date(column: Column, array: pa.ChunkedArray, section: TableData, place: Place) -> tuple[Column, Read]:
    column = _as(column, kind="date")
    if source_of(array) == "text":
        words = texts(array, column.missing_values).dictionary
        forms = _format(column.name, section) or dates.formats_of(words)
        if len(forms) > 1:
            raise DataError(
                f"column {column.name!r} has dates such as {words[0].as_py()!r}, whose day and month may be either",
                where="/data/date_format",
                hint=" or ".join(f'"date_format": {{"{column.name}": "{form}"}}' for form in forms),
            )
        form = forms[0] if forms else dates.ISO
        _need_dates(column, array, form, bool(_format(column.name, section)), place)
        column = _as(column, date_format=form)
    read = column.read(array, place)
    assert read.numbers is not None
    known = read.numbers[~np.isnan(read.numbers)]
    return _as(column, hours=bool((known != np.floor(known)).any())), read


def _need_dates(column: Column, array: pa.ChunkedArray, form: str, given: bool, place: Place) -> None:
    """Raise :class:`DataError` for words that are no dates of that format, by their lines."""
    cells = texts(array, column.missing_values)
    words = cells.dictionary.to_pylist()
    bad = dates.read_each(cells.dictionary, form)[1]
    strays = [int(at) for at in np.flatnonzero(bad) if words[at].lower() not in MISSING_WORDS]
    if not strays:
        return
    if bad.all():
        written = f"it is {form!r}, and" if given else "say how they are written in data.date_format:"
        found = dates.formats_of(cells.dictionary) if given else []
        fits = " or ".join(f'"date_format": {{"{column.name}": "{each}"}}' for each in found)
        raise DataError(
            f"date_format fits no cell of {column.name!r}" if given else f"{column.name!r} has no cell that is a date",
            where="/data/date_format",
            hint=f"{written} the first cell is {words[strays[0]]!r}" + (f": {fits}" if fits else ""),
        )
    rows = np.flatnonzero(np.isin(np.asarray(cells.indices.fill_null(-1), np.int64), strays))
    written = "" if form == dates.ISO else f" written as {form}"
    raise DataError(
        f"column {column.name!r} has dates{written}, and {_words(words, strays)} among them in {_lines(rows, place)}"
        + (f" ({len(rows):,} rows)" if len(rows) > SHOWN else ""),
        where=place(int(rows[0])),
        hint="mend the cells, or name the words in data.missing_values if they mean a missing cell, or name "
        f"{column.name!r} in data.categorical_columns if it is no dates",
    )


def _words(words: Sequence[str], strays: Sequence[int]) -> str:
    return ", ".join([repr(words[at]) for at in strays[:SHOWN]] + ["..."] * (len(strays) > SHOWN))


def _lines(rows: np.ndarray, place: Place) -> str:
    """``line 5, 7, ...``, or ``row 5`` where rows are counted."""
    lines = [place(int(row)).rpartition(":")[2].strip() for row in rows[:SHOWN]]
    shown = ", ".join(line.removeprefix("row ") for line in lines) + (", ..." if len(rows) > SHOWN else "")
    return f"{'row' if lines[0].startswith('row ') else 'line'} {shown}"
