"""Rows of a table to be answered, in their order: objects on the command line, a file of any container, or a pipe."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from runner.errors import DataError, NotFoundError, UsageError
from runner.store.files import cannot_write

#: What to say where there is nothing to read.
NOTHING, WHERE = "no rows", "--input"
HOW = "--input FILE (.csv, .tsv, .jsonl, .json, .parquet, .arrow), or pipe in JSON Lines or CSV: cat FILE | ..."
#: What a row on the command line is.
OBJECT = """a row is a JSON object, as in '{"age": 31, "town": "Graz"}'"""
#: Bytes of a pipe that are copied at a time, and rows of a file that are read at a time.
GLANCE, BATCH = 1024 * 1024, 2048
FORMATS = {"csv": ".csv", "tsv": ".tsv", "jsonl": ".jsonl", "json": ".json", "parquet": ".parquet", "arrow": ".arrow"}


@dataclass(frozen=True)
class TableRow:
    """One row: cells by column, as the container has them. ``untyped``: all of them are texts, as in CSV."""

    values: dict[str, Any]
    id: str | int | None = None
    line: int = 0
    untyped: bool = False

    def key(self) -> bytes:
        """What makes it the same question as another: its cells, in whatever order."""
        told = json.dumps(self.values, sort_keys=True, default=str, ensure_ascii=False)
        return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class TableRows:
    """Rows that can be read as often as needed. :meth:`check` reads them all once, before anything is computed."""

    noun = "rows"
    count = 0
    blank = 0
    has_ids = False

    def __init__(self, name: str, source: Path | Sequence[TableRow], holder: Any = None) -> None:
        self.name, self._source, self._holder = name, source, holder
        self._sha256 = ""

    @property
    def empty(self) -> bool:
        """Whether there is not one byte."""
        return self._source.stat().st_size == 0 if isinstance(self._source, Path) else not self._source

    def check(self) -> None:
        """Read all of it. Raises :class:`DataError` with the line of the first row that cannot be read."""
        told = hashlib.sha256()
        self.count = 0
        for row in self._rows():
            told.update(row.key())
            self.count += 1
            self.has_ids |= row.id is not None
        if not self.count:
            raise DataError("there is no row in it", where=self.name, hint=HOW)
        self._sha256 = told.hexdigest()

    def chunks(self, size: int) -> Iterator[list[TableRow]]:
        """Every row, ``size`` at a time. Raises :class:`DataError` if the file is not the one that was checked."""
        told = hashlib.sha256()
        rows = self._rows()
        while chunk := list(islice(rows, size)):
            for row in chunk:
                told.update(row.key())
            yield chunk
        if told.hexdigest() != self._sha256:
            raise DataError("the file was changed while it was read", where=self.name, hint="the same command again")

    def fingerprint(self) -> list[Any]:
        """What tells whether another reading gives the same rows."""
        return [self.count, self._sha256]

    def provenance(self) -> dict[str, Any]:
        """What the provenance says of them."""
        return {"rows": self.count, "rows_sha256": self._sha256, "rows_from": self.name}

    def _rows(self) -> Iterator[TableRow]:
        if not isinstance(self._source, Path):
            yield from self._source
            return
        from runner.data.records import open_records

        records = open_records(self._source, pointer="")
        untyped = records.container in ("csv", "tsv")
        for batch in records.batches(BATCH):
            if batch.bad:
                line, reason = batch.bad[0]
                raise DataError(reason, where=f"{self.name}:{line}", hint="every row that is asked about is answered")
            for line, values in zip(batch.numbers, batch.rows, strict=True):
                yield TableRow(values, _id(values), line, untyped)


def _id(values: dict[str, Any]) -> str | int | None:
    """The row's name, if it has a column called id."""
    value = values.get("id")
    if value is None or value == "" or isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return value


def from_words(words: Sequence[str]) -> TableRows:
    """JSON objects on the command line. Raises :class:`UsageError` for a word that is none."""
    rows = []
    for number, word in enumerate(words, 1):
        try:
            values = json.loads(word)
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise UsageError(f"row {number} is {word!r}, which is no JSON object", where=WHERE, hint=OBJECT)
        rows.append(TableRow(values, _id(values), number))
    if not rows:
        raise UsageError(NOTHING, where=WHERE, hint=OBJECT)
    return TableRows("the command line", rows)


def from_file(path: Path, format: str | None = None) -> TableRows:
    """A file, by its suffix unless the format is said; a pipe by another name (``<(...)``) is read as one."""
    from runner.data.records.data_files import is_pattern

    if path.is_fifo():
        with path.open("rb") as file:
            return from_pipe(file, format, name=str(path))
    if not path.exists() and not is_pattern(path):
        raise NotFoundError("there is no such file", where=str(path))
    if format is not None and not path.name.lower().endswith(FORMATS.get(format, "")):
        with path.open("rb") as file:
            return from_pipe(file, format, name=str(path))
    return TableRows(str(path), path)


def from_pipe(stream: Any, format: str | None = None, name: str = "<stdin>") -> TableRows:
    """What is piped in, put into a temporary file, so that it can be read twice.

    Without a format it is JSON Lines if its first character is ``{``, a JSON array if it is ``[``, else CSV.
    """
    folder = tempfile.TemporaryDirectory(prefix="runner-rows-")  # it lives as long as the rows do
    if format is not None and format not in FORMATS:
        raise UsageError(f"{format} is no format of rows", where="--prompts-format", hint=", ".join(FORMATS))
    raw = Path(folder.name) / "rows"
    try:
        with raw.open("wb") as file:
            shutil.copyfileobj(stream, file, GLANCE)
    except OSError as error:
        raise cannot_write(raw, error) from error
    if format is None:
        with raw.open("rb") as file:
            head = file.read(GLANCE).removeprefix(b"\xef\xbb\xbf").lstrip()[:4]
        format = {b"{": "jsonl", b"[": "json"}.get(head[:1], "csv")
        format = "parquet" if head == b"PAR1" else format
    named = raw.with_suffix(FORMATS[format])
    os.rename(raw, named)  # noqa: PTH104 - one that is there already is not replaced, there is none
    return TableRows(name, named, folder)
