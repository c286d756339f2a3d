"""Comparisons from a plain table: a row is a prompt, two LLMs, their responses and a winner, in columns of any name."""

from __future__ import annotations

import csv
import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runner.data.category_tags import TAGS
from runner.data.comparisons.comparison_columns import Columns
from runner.data.comparisons.raw_layouts import ASSISTANT, USER, WINNERS, Rows, Turns, add
from runner.errors import DataError

BATCH = 8192
#: The columns that a row must have; ``kind`` may be absent.
NEEDED = ("prompt", "model_a", "model_b", "response_a", "response_b", "winner")
#: A response may be long: csv's own limit is 131,072 characters.
LONGEST = 2**31 - 1


def is_table(path: Path) -> bool:
    """Whether a file can be nothing but a table: CSV and TSV know no conversations."""
    return path.suffix.lower() in (".csv", ".tsv")


def read_csv(path: Path, columns: Columns, words: Mapping[str, str]) -> Rows:
    """A CSV (or tab-separated) file with a header, in UTF-8. Raises :class:`DataError` with the line."""
    csv.field_size_limit(LONGEST)
    rows, table = Rows(), _Table(path, columns, words)
    batch: list[dict[str, Any]] = []
    numbers: list[int] = []
    for number, row in _csv_rows(path, columns):
        if row is None:
            rows.read += 1
            rows.skip(["another number of fields than the header"], [number])
            continue
        batch.append(row)
        numbers.append(number)
        if len(batch) == BATCH:
            table.add(rows, batch, numbers)
            batch, numbers = [], []
    if batch:
        table.add(rows, batch, numbers)
    return table.understood(rows)


def read_objects(
    path: Path, columns: Columns, words: Mapping[str, str], batches: Iterator[tuple[list[dict[str, Any]], list[int]]]
) -> Rows:
    """Rows that another reader made: objects by column name, with their numbers in the file."""
    rows, table = Rows(), _Table(path, columns, words)
    for batch, numbers in batches:
        table.add(rows, batch, numbers)
    return table.understood(rows)


def require(present: Sequence[str], columns: Columns, where: str) -> None:
    """Raise :class:`DataError` for the columns that are not there, naming what looks like them."""
    wanted = {name: getattr(columns, name) for name in (*NEEDED, "kind") if getattr(columns, name) is not None}
    missing = {name: column for name, column in wanted.items() if column not in present}
    if not missing:
        return
    near = [
        f'"{name}": "{match[0]}"' for name in missing if (match := difflib.get_close_matches(missing[name], present, 1))
    ]
    there = ", ".join(map(str, present)) or "none"
    raise DataError(
        f"missing column{'s' if len(missing) > 1 else ''} {', '.join(missing.values())}",
        where=where,
        hint=f"there are: {there}; name yours in the spec's data.columns"
        + (f", such as {{{', '.join(near)}}}" if near else ""),
    )


class _Table:
    """Rows of a table, checked as conversations of one turn."""

    def __init__(self, path: Path, columns: Columns, words: Mapping[str, str]) -> None:
        self._path, self._columns, self._words = path, columns, words
        self._strange: Counter[str] = Counter()

    def add(self, rows: Rows, batch: list[dict[str, Any]], numbers: list[int]) -> None:
        column = {name: [row.get(getattr(self._columns, name)) for row in batch] for name in NEEDED}
        models = [[_name(value) for value in column[side]] for side in ("model_a", "model_b")]
        kind = self._columns.kind
        add(
            rows,
            models[0],
            models[1],
            [self._winner(*row) for row in zip(column["winner"], *models, strict=True)],
            _one_turn(column["prompt"], column["response_a"]),
            _one_turn(column["prompt"], column["response_b"]),
            np.full((len(batch), len(TAGS)), np.nan, np.float32),
            [None if kind is None or row.get(kind) is None else str(row[kind]) for row in batch],
            numbers,
        )

    def _winner(self, value: Any, model_a: str, model_b: str) -> str | None:
        """The word of the published layouts that a table's word stands for, None for one that says nothing known."""
        word = "" if value is None else _name(value)
        if word in self._words:
            return self._words[word]
        if word in WINNERS:
            return word
        # Both names alike are told as that.
        if word and word in (model_a, model_b):
            return "model_a" if word == model_a else "model_b"
        self._strange[word] += 1
        return None

    def _say_which(self, rows: Rows) -> None:
        """Name the words that nothing explains: they are the column's, and there are few of them."""
        if "unknown winner" in rows.skipped and self._strange:
            words = ", ".join(repr(word) for word, _ in self._strange.most_common(6))
            told = f"unknown winner: {words}{' ...' if len(self._strange) > 6 else ''}"
            rows.skipped[told] = rows.skipped.pop("unknown winner")
            rows.first[told] = rows.first.pop("unknown winner")

    def understood(self, rows: Rows) -> Rows:
        """The rows, unless none of their winners could be read: that is a word to map, not bad data."""
        if rows.read and not len(rows) and sum(self._strange.values()) == rows.read:
            seen = [word for word, _ in self._strange.most_common(6)]
            raise DataError(
                f"no winner is understood: the column {self._columns.winner!r} has "
                + ", ".join(repr(word) for word in seen),
                where=str(self._path),
                hint='say what they mean in the spec\'s data.winner_values, as in {"model_a": ["A"], "model_b": ["B"], '
                '"tie": ["draw"]}',
            )
        self._say_which(rows)
        return rows


def _name(value: Any) -> str:
    return value.strip() if isinstance(value, str) else "" if value is None else str(value)


def _one_turn(prompts: Sequence[Any], responses: Sequence[Any]) -> Turns:
    """Conversations of a prompt and a response. A cell that is empty is told as an empty prompt or response."""
    n = len(prompts)
    cells = [cell for pair in zip(prompts, responses, strict=True) for cell in pair]
    texts = ["" if cell is None else cell if isinstance(cell, str) else "" for cell in cells]
    return Turns(
        np.arange(n + 1, dtype=np.int64) * 2,
        np.tile(np.array([USER, ASSISTANT], np.int8), n),
        np.array([cell is not None and not isinstance(cell, str) for cell in cells], bool),
        lambda at: [texts[index] for index in at],
    )


def _csv_rows(path: Path, columns: Columns) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Each row's first line and its cells by column; None for a row of another length than the header's."""
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            header = next(reader, [])
            _check_header(path, header, columns, delimiter)
            line = reader.line_num + 1
            for cells in reader:
                if cells:
                    yield line, dict(zip(header, cells, strict=True)) if len(cells) == len(header) else None
                line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"not CSV: {error}",
            where=f"{path}:{line}",
            hint='a text with a comma, a quote or a line break stands in quotes, and a quote in it is doubled: ""',
        ) from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"not UTF-8: {error.reason} near line {line}", where=str(path), hint="save the file as UTF-8"
        ) from None


def _check_header(path: Path, header: list[str], columns: Columns, delimiter: str) -> None:
    if not header:
        raise DataError("there is no header", where=f"{path}:1", hint="the first line names the columns")
    twice = sorted(name for name, count in Counter(header).items() if count > 1)
    if twice:
        raise DataError(f"the header has {', '.join(map(repr, twice))} twice", where=f"{path}:1")
    other = next((mark for mark in (";", "\t", ",") if mark != delimiter and mark in header[0]), None)
    if len(header) == 1 and other:
        raise DataError(
            f"the header is one column, {header[0]!r}",
            where=f"{path}:1",
            hint=f"columns are separated by {'tabs' if delimiter == chr(9) else 'commas'} in a {path.suffix} file",
        )
    require(header, columns, f"{path}:1")
