"""One reader for every container: rows in batches, each with its file and its place in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from runner.data.records import arrow_files, delimited, json_arrays, json_lines
from runner.data.records.byte_streams import bad_byte, opened
from runner.data.records.data_files import Container, data_files
from runner.errors import DataError


@dataclass(frozen=True)
class Batch:
    """Some rows of one file, in its order."""

    file: Path
    #: Of each row the line that it begins on (text), or its number (Parquet, Arrow): from 1.
    numbers: list[int]
    #: Rows that could not be read: their line, and why. They are not in ``rows``.
    bad: list[tuple[int, str]] = field(default_factory=list)
    #: A ``pyarrow.RecordBatch`` of these rows (Parquet, Arrow), None for text.
    arrow: Any = None
    text_rows: list[dict[str, Any]] = field(default_factory=list)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The rows by column: a CSV's cells as text ("" for an empty one), JSON's values, Arrow's as Python's."""
        return self.text_rows if self.arrow is None else self.arrow.to_pylist()


@dataclass(frozen=True)
class Records:
    """Rows that can be read as often as needed; nothing is held but the batch that is read."""

    files: list[Path]
    container: Container
    #: The names of the columns; None for JSON, whose objects each have their own keys.
    columns: list[str] | None
    encoding: str | None = None
    delimiter: str | None = None

    @property
    def unit(self) -> Literal["line", "row"]:
        """What a row's number counts."""
        return "row" if self.container in ("parquet", "arrow") else "line"

    def batches(self, size: int = 2048, columns: Sequence[str] | None = None) -> Iterator[Batch]:
        """Every row, at most ``size`` at a time, with these columns (those that it has) or all; shards in their order.

        Raises :class:`DataError` with file and line for what cannot be read.
        """
        for file in self.files:
            yield from self._of(file, size, columns)

    def _of(self, file: Path, size: int, columns: Sequence[str] | None) -> Iterator[Batch]:
        if self.unit == "row":
            first = 1
            for arrow in arrow_files.batches(file, self.container, size, columns):
                yield Batch(file, list(range(first, first + arrow.num_rows)), arrow=arrow)
                first += arrow.num_rows
            return
        batch = Batch(file, [])
        for number, row in self._text(file, columns):
            if isinstance(row, str):
                batch.bad.append((number, row))
            else:
                batch.numbers.append(number)
                batch.text_rows.append(row)
            if len(batch.numbers) + len(batch.bad) == size:
                yield batch
                batch = Batch(file, [])
        if batch.numbers or batch.bad:
            yield batch

    def _text(self, file: Path, columns: Sequence[str] | None) -> Iterator[tuple[int, dict[str, Any] | str]]:
        try:
            with opened(file, encoding=self.encoding) as stream:
                if self.container in ("csv", "tsv"):
                    yield from delimited.rows(stream, file, self._delimiter, columns)
                    return
                reader = json_arrays if self.container == "json" else json_lines
                for number, row in reader.rows(stream, str(file)):
                    if columns is not None and isinstance(row, dict):
                        row = {name: row[name] for name in columns if name in row}
                    yield number, row
        except UnicodeDecodeError:
            raise bad_byte(file) from None

    @property
    def _delimiter(self) -> str:
        return self.delimiter or ("\t" if self.container == "tsv" else ",")


def open_records(
    path: str | Path, *, pointer: str = "/data/dataset", encoding: str | None = None, delimiter: str | None = None
) -> Records:
    """The rows of a file, of a folder of shards, or of a pattern's files. What is packed with gzip is unpacked.

    ``pointer`` is the spec's field that names the path. Only names, sizes and headers are read here, so that this is
    the check before a run is made. Raises :class:`~runner.errors.NotFoundError` for what is not there and
    :class:`DataError` for what is no data file, or shards with other columns than the first.
    """
    if encoding is not None:
        check_encoding(encoding, f"{pointer.rpartition('/')[0]}/encoding")
    files, container = data_files(path, pointer)
    if container == "json":
        container = _json_container(files, encoding)
    records = Records(files, container, None, encoding, delimiter)
    columns = [_columns(file, records) for file in files]
    for file, names in zip(files, columns, strict=True):
        if names is not None and set(names) != set(columns[0] or ()):
            other = sorted(set(names) ^ set(columns[0] or ()))
            raise DataError(
                f"its columns are not those of {files[0].name}: {', '.join(map(repr, other))} in one of them",
                where=str(file),
                hint="shards of one data set have the same columns; name those that belong together by a pattern",
            )
    return Records(files, container, columns[0], encoding, delimiter)


def _columns(file: Path, records: Records) -> list[str] | None:
    if records.unit == "row":
        return arrow_files.names(file, records.container)
    try:
        with opened(file, encoding=records.encoding) as stream:
            if records.container in ("csv", "tsv"):
                return delimited.header(stream, file, records._delimiter)
    except UnicodeDecodeError:
        raise bad_byte(file) from None
    return None


def check_encoding(encoding: str, where: str) -> None:
    """Raise :class:`DataError` for a name that is no text encoding's; ``where`` it was given."""
    try:
        "".encode(encoding)
    except LookupError:
        raise DataError(
            f"there is no encoding {encoding!r}",
            where=where,
            hint="utf-8, cp1252, latin-1, utf-16, ...",
        ) from None


def _json_container(files: Sequence[Path], encoding: str | None) -> Container:
    """What a ``.json`` file is: an array of rows, or JSON Lines by another name. All are as the first."""
    with opened(files[0], encoding=encoding) as stream:
        return "json" if json_arrays.is_array(stream) else "jsonl"
