"""Rows of a table to be answered, in their order: objects on the command line, a file of any container, or a pipe."""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.data.asked_files import FORMATS, AskedFiles
from runner.data.records.broken_rows import BrokenRows
from runner.data.text_files import HAVING
from runner.errors import DataError, UsageError

if TYPE_CHECKING:
    from runner.data.records import Records

#: What to say where there is nothing to read.
NOTHING, WHERE = "no rows", "--input"
HOW = "--input FILE (.csv, .tsv, .jsonl, .json, .parquet, .arrow), or pipe in JSON Lines or CSV: cat FILE | ..."
#: What a row on the command line is.
OBJECT = """a row is a JSON object, as in '{"age": 31, "town": "Graz"}'"""
#: Rows of a file that are read at a time.
BATCH = 2048


@dataclass(frozen=True)
class TableRow:
    """One row: cells by column, as the container has them. ``untyped``: all of them are texts, as in CSV."""

    values: dict[str, Any]
    id: str | int | None = None
    line: int = 0
    untyped: bool = False
    #: The row's place, as a person finds it.
    where: str = ""

    def key(self) -> bytes:
        """What makes it the same question as another: its cells, in whatever order."""
        told = json.dumps(self.values, sort_keys=True, default=str, ensure_ascii=False)
        return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass(frozen=True)
class Written:
    """How a text file is written: a CSV as the stored model's training data was, unless flags say otherwise."""

    encoding: str | None = None
    delimiter: str | None = None
    #: Which of the two are flags.
    said: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if "encoding" in self.said:
            try:
                codecs.lookup(self.encoding or "")
            except LookupError:
                hint = "utf-8, cp1252, latin-1, utf-16, ..."
                raise UsageError(f"there is no encoding {self.encoding!r}", where="--encoding", hint=hint) from None
        if "delimiter" in self.said and len(self.delimiter or "") != 1:
            raise UsageError(f"{self.delimiter!r} is not one character", where="--delimiter", hint="such as ';'")

    def of(self, path: Path, container: str, name: str) -> dict[str, str | None]:
        """The encoding and the delimiter of files, as :func:`~runner.data.records.open_records` takes them.

        Raises :class:`UsageError` for a flag that such files have no use for.
        """
        for flag in self.said:
            if container not in HAVING[flag]:
                raise UsageError(f"{name} is {container}, which has none", where=f"--{flag}", hint="leave it out")
        found = {"encoding": self.encoding, "delimiter": self.delimiter}
        if container not in ("csv", "tsv"):
            # JSON is UTF-8 by itself, whatever the training's file was.
            found = {flag: value if flag in self.said else None for flag, value in found.items()}
        if "encoding" not in self.said and path.is_file():
            with path.open("rb") as file:
                found["encoding"] = None if file.read(3) == codecs.BOM_UTF8 else found["encoding"]
        return found


class TableRows:
    """Rows that can be read as often as needed. :meth:`check` reads them all once, before anything is computed."""

    noun = "rows"
    count = 0
    blank = 0
    has_ids = False
    notes: Sequence[str] = ()

    def __init__(
        self,
        name: str,
        source: Path | Sequence[TableRow],
        id_column: str | None = None,
        holder: Any = None,
        written: Written = Written(),
    ) -> None:
        self.name, self._source, self._id_column, self._holder = name, source, id_column, holder
        self._written = written
        self._sha256 = ""

    @property
    def empty(self) -> bool:
        """Whether there is not one byte."""
        return self._source.stat().st_size == 0 if isinstance(self._source, Path) else not self._source

    def close(self) -> None:
        """Take away what was put aside to be read twice."""
        if self._holder is not None:
            self._holder.cleanup()

    def check(self) -> None:
        """Read all of it. Raises :class:`DataError` with the lines of the rows that cannot be read."""
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
        try:
            yield from self._of_files(self._source)
        except DataError as error:
            if self._holder is not None and error.where:
                # A pipe has a name, and the file that it was put into is nobody's.
                error.where = error.where.replace(str(self._source), self.name)
            raise

    def _of_files(self, path: Path) -> Iterator[TableRow]:
        from runner.data.records import open_records
        from runner.data.records.data_files import data_files

        written = self._written.of(path, data_files(path)[1], self.name)
        broken = BrokenRows()
        yield from self._records(open_records(path, pointer="", **written), broken)
        broken.tell()

    def _records(self, records: Records, broken: BrokenRows) -> Iterator[TableRow]:
        """The rows that can be read; the others are put to the broken ones."""
        untyped = records.container in ("csv", "tsv")
        for batch in records.batches(BATCH):
            for line, reason in batch.bad:
                where = f"{batch.file if self._holder is None else self.name}:{line}"
                broken.add(DataError(reason, where=where, hint="every row that is asked about is answered"))
            for line, values in zip(batch.numbers, batch.rows, strict=True):
                where = f"{batch.file}:{line}" if records.unit == "line" else f"{batch.file}: row {line}"
                yield _row(
                    values, line, untyped, where if self._holder is None else f"{self.name}:{line}", self._id_column
                )


def _row(values: dict[str, Any], line: int, untyped: bool, where: str, id_column: str | None) -> TableRow:
    """A row, named by its id column, which is no input; without one, by a column that is called id."""
    value = values.get(id_column or "id")
    if value == "" or isinstance(value, bool) or not isinstance(value, str | int):
        value = None
    if id_column is not None:
        values = {name: cell for name, cell in values.items() if name != id_column}
    return TableRow(values, value, line, untyped, where)


def from_words(words: Sequence[str], id_column: str | None = None, **written: Any) -> TableRows:
    """JSON objects on the command line. Raises :class:`UsageError` for a word that is none."""
    rows = []
    for number, word in enumerate(words, 1):
        try:
            values = json.loads(word)
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise UsageError(f"row {number} is {word!r}, which is no JSON object", where="--prompts", hint=OBJECT)
        rows.append(_row(values, number, False, f"row {number}", id_column))
    if not rows:
        raise UsageError(NOTHING, where=WHERE, hint=OBJECT)
    return TableRows("the command line", rows, id_column)


def _opened(name: str, path: Path, holder: Any, id_column: str | None = None, **written: Any) -> TableRows:
    return TableRows(name, path, id_column, holder, Written(**written))


def _begins(head: bytes) -> str:
    return {b"{": "jsonl", b"[": "json"}.get(head[:1], "csv")


_FILES = AskedFiles("rows", _opened, _begins, FORMATS)
from_file, from_pipe = _FILES.from_file, _FILES.from_pipe
