"""A table as it was read: Arrow columns, and the file and place of every row. No Python object lives on for a cell."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.data.table_rows import packaged
from runner.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

    from runner.data.records import Records

#: Rows that are read at a time.
BATCH = 65_536


@dataclass
class Cells:
    """The columns of some files. A column of Parquet or Arrow is read when it is asked for; text is held as Arrow."""

    name: str
    columns: list[str]
    #: Whether cells of text are all that there is, so that a number is a text that reads as one.
    untyped: bool
    #: What a row's number counts.
    unit: str
    held: dict[str, pa.ChunkedArray] = field(default_factory=dict)
    records: Records | None = None
    files: list[Path] = field(default_factory=list)
    #: Of each row its line or number in its file, int64 ``[n]``, and the first row of each file.
    numbers: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    starts: list[int] = field(default_factory=list)
    #: What could not be read: reason -> lines.
    bad: dict[str, list[int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.numbers)

    def column(self, name: str) -> pa.ChunkedArray:
        """One column, whole."""
        import pyarrow as pa

        if name in self.held:
            return self.held[name]
        assert self.records is not None
        parts = [batch.arrow.column(0) for batch in self.records.batches(BATCH, columns=[name])]
        return pa.chunked_array(parts)

    def place(self, row: int) -> str:
        """``file:line`` of a row of text, ``file: row number`` of Parquet."""
        if not self.files:
            return f"{self.name}: row {self.numbers[row]}"
        file = self.files[int(np.searchsorted(self.starts, row, "right")) - 1]
        return f"{file}:{self.numbers[row]}" if self.unit == "line" else f"{file}: row {self.numbers[row]}"

    def lines(self, rows: Iterable[int] | np.ndarray) -> list[int]:
        """The numbers of rows, as a report names them."""
        return [int(number) for number in self.numbers[np.asarray(list(rows), np.int64)]]


def read(path: str, pointer: str, encoding: str | None, delimiter: str | None) -> Cells:
    """A packaged table's, or a file's, folder's or pattern's cells. Raises :class:`DataError` for what is no table."""
    if path in packaged.NAMES:
        return of_columns(path, packaged.columns(path))
    from runner.data.records import open_records

    records = open_records(path, pointer=pointer, encoding=encoding, delimiter=delimiter)
    return _typed(path, records) if records.unit == "row" else _text(path, records)


def of_columns(name: str, columns: dict[str, list[Any]]) -> Cells:
    """Cells that are Python values by column."""
    import pyarrow as pa

    held = {column: pa.chunked_array([arrow_values(values, column)]) for column, values in columns.items()}
    rows = len(next(iter(held.values()))) if held else 0
    return Cells(name, list(columns), False, "row", held, numbers=np.arange(1, rows + 1))


def of_rows(name: str, rows: Sequence[dict[str, Any]], columns: Sequence[str], *, untyped: bool) -> Cells:
    """Cells of rows that are Python values by column; a column that a row lacks is missing there."""
    cells = of_columns(name, {column: [row.get(column) for row in rows] for column in columns})
    cells.untyped, cells.numbers = untyped, np.arange(1, len(rows) + 1)
    return cells


def _typed(path: str, records: Records) -> Cells:
    """Parquet or Arrow: only the rows are counted."""
    assert records.columns is not None
    cells = Cells(path, list(records.columns), False, records.unit, records=records)
    numbers: list[np.ndarray] = []
    seen = 0
    for batch in records.batches(BATCH, columns=records.columns[:1]):
        _begin(cells, batch.file, seen)
        numbers.append(np.array(batch.numbers, np.int64))
        seen += len(batch.numbers)
    cells.numbers = np.concatenate(numbers) if numbers else cells.numbers
    return cells


def _text(path: str, records: Records) -> Cells:
    """CSV and JSON: batch by batch into Arrow columns."""
    import pyarrow as pa

    cells = Cells(path, list(records.columns or ()), records.columns is not None, records.unit)
    parts: dict[str, list[pa.Array]] = {name: [] for name in cells.columns}
    numbers: list[np.ndarray] = []
    seen = 0
    for batch in records.batches(BATCH):
        _begin(cells, batch.file, seen)
        for line, reason in batch.bad:
            cells.bad.setdefault(reason, []).append(line)
        if records.columns is None:
            for row in batch.rows:
                for name in row:
                    if name not in parts:
                        # A key that earlier rows lack is missing there.
                        parts[name] = [pa.nulls(seen)] if seen else []
        for name, chunks in parts.items():
            values = [row.get(name) for row in batch.rows]
            chunks.append(pa.array(values, pa.string()) if cells.untyped else arrow_values(values, name))
        numbers.append(np.array(batch.numbers, np.int64))
        seen += len(batch.numbers)
    cells.columns = list(parts)
    cells.numbers = np.concatenate(numbers) if numbers else cells.numbers
    cells.held = {name: _one_type(chunks) for name, chunks in parts.items()}
    return cells


def _begin(cells: Cells, file: Path, row: int) -> None:
    if not cells.files or cells.files[-1] != file:
        cells.files.append(file)
        cells.starts.append(row)


def arrow_values(
    values: Sequence[Any], column: str = "", instead: str = "make columns of its parts, or name it in ignored_columns"
) -> pa.Array:
    """Python values as one Arrow array: booleans, whole numbers, numbers or texts, whatever holds them all exactly.

    Numbers among texts become texts as JSON writes them, so that 0 and "0" are the same. Raises :class:`DataError` for
    lists and objects, with ``instead`` as what to do.
    """
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return pa.nulls(len(values))
    if kinds & {list, dict}:
        at = next(at for at, value in enumerate(values) if isinstance(value, list | dict))
        found = "a list" if isinstance(values[at], list) else "an object"
        raise DataError(
            f"column {column!r} has {found} in a cell, and a table's cells are single values",
            where="/data/dataset",
            hint=instead,
        )
    if kinds <= {int, float} and float in kinds:
        if all(not isinstance(value, int) or abs(value) <= 2**53 for value in values if value is not None):
            return pa.array([None if value is None else float(value) for value in values], pa.float64())
    elif len(kinds) == 1 and kinds <= {bool, str} | {float}:
        return pa.array(values)
    elif kinds == {int} and all(-(2**63) <= value < 2**63 for value in values if value is not None):
        return pa.array(values, pa.int64())
    elif not kinds & {bool, str, int, float}:
        return pa.array(values)  # dates and times, as Parquet's rows have them
    return pa.array([_word(value) for value in values], pa.string())


def _word(value: Any) -> str | None:
    """A value as a text: a whole number is one however it is written, so that 1 and 1.0 are one category."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return json.dumps(value, default=str)


def _one_type(chunks: Sequence[pa.Array]) -> pa.ChunkedArray:
    """Chunks of several types as one column: all numbers, or all texts."""
    import pyarrow as pa

    types = {chunk.type for chunk in chunks if not pa.types.is_null(chunk.type)}
    if len(types) > 1:
        numbers = all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in types)
        if numbers:
            whole = [value for chunk in chunks for value in chunk.to_pylist()]
            return pa.chunked_array([arrow_values(whole)])
        chunks = [
            chunk if pa.types.is_null(chunk.type) else pa.array(map(_word, chunk.to_pylist()), pa.string())
            for chunk in chunks
        ]
        types = {pa.string()}
    if not types:
        return pa.chunked_array(chunks or [pa.nulls(0)])
    (kind,) = types
    return pa.chunked_array([chunk.cast(kind) for chunk in chunks])
