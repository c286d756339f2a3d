"""Where prompts come from: words, a file of any of three formats, or a pipe. Read as often as needed, never held."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

from runner.data.prompt_rows import MESSAGES, PROMPT, TAG_NAMES, Row, prompt_row
from runner.data.records.broken_rows import BrokenRows
from runner.data.records.json_lines import decoded, numbered, parsed
from runner.errors import DataError, NotFoundError, UsageError
from runner.store.files import cannot_read, cannot_write

Format = Literal["text", "jsonl", "parquet"]
SUFFIXES: dict[str, Format] = {
    ".txt": "text", ".text": "text", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet",
}  # fmt: skip
#: What to say where there is nothing to read.
NOTHING, WHERE = "no prompts", "--prompts"
HOW = "--prompts P1 P2, --prompts-file FILE, or pipe them in: cat FILE | ..."
#: A text alone is a row of a server's as it stands.
TEXT_FIELD = ""
#: Bytes that are looked at to tell JSONL from text, and rows of a Parquet file that are read at a time.
GLANCE, BATCH = 1024 * 1024, 2048


class Prompts:
    """Prompts in their order. :meth:`check` reads them all once, before anything is computed."""

    noun = "prompts"
    #: What :meth:`check` found.
    count = 0
    blank = 0
    notes: Sequence[str] = ()
    has_ids = False
    #: Prompts without a category tag.
    untagged = 0
    #: sha256 of ``json.dumps`` of the list of prompts, wherever they came from.
    prompts_sha256 = ""
    #: sha256 of what was read, byte for byte, and how many bytes. None for words.
    sha256: str | None = None
    size: int | None = None

    def __init__(self, name: str, format: Format | Literal["words"], source: BinaryIO | Sequence[str]) -> None:
        self.name, self.format, self._source = name, format, source

    def rows(self) -> Iterator[Row]:
        """Every prompt, from the first. Raises :class:`DataError` with file and line for all that are none."""
        if not isinstance(self._source, list | tuple):
            return self._from_parquet(self._file) if self.format == "parquet" else self._from_lines(self._file)
        return map(Row, self._source)

    def chunks(self, size: int) -> Iterator[list[Row]]:
        """Every prompt, ``size`` at a time. Raises :class:`DataError` if the file is not the one that was checked."""
        rows, checked = self.rows(), self.sha256
        seen = 0
        while chunk := list(islice(rows, size)):
            seen += len(chunk)
            yield chunk
        if (seen, self.sha256) != (self.count, checked):
            raise DataError("the file was changed while it was read", where=self.name, hint="the same command again")

    def check(self) -> None:
        """Read all of it: whether every line is a prompt, how many there are, and their fingerprints."""
        told = hashlib.sha256(b"[")
        self.count = self.untagged = 0
        for row in self.rows():
            told.update((", " if self.count else "").encode() + json.dumps(row.prompt).encode())
            self.count += 1
            self.has_ids |= row.id is not None
            self.untagged += row.tags is None
        if not self.count:
            raise DataError(
                "there is no prompt in it", where=self.name, hint=PROMPT if self.format == "jsonl" else None
            )
        told.update(b"]")
        self.prompts_sha256 = told.hexdigest()

    @property
    def empty(self) -> bool:
        """Whether there is not one byte."""
        if isinstance(self._source, list | tuple):
            return not self._source
        return self._file.seek(0, os.SEEK_END) == 0

    def close(self) -> None:
        """Nothing to take away: a nameless file goes with the process."""

    def fingerprint(self) -> list[Any]:
        """What tells whether another reading gives the same prompts."""
        return [self.format, self.count, self.sha256 or self.prompts_sha256]

    def provenance(self) -> dict[str, Any]:
        """What the provenance says of them."""
        return {"prompts": self.count, "prompts_sha256": self.prompts_sha256, "prompts_file": self.facts()}

    def facts(self) -> dict[str, Any] | None:
        """The file, as the provenance has it; None for words."""
        if self.sha256 is None:
            return None
        return {
            "name": self.name,
            "format": self.format,
            "sha256": self.sha256,
            "bytes": self.size,
            "blank_lines_skipped": self.blank,
        }

    @property
    def _file(self) -> BinaryIO:
        assert not isinstance(self._source, list | tuple)
        return self._source  # type: ignore[return-value]

    def _from_lines(self, file: BinaryIO) -> Iterator[Row]:
        whole, broken = hashlib.sha256(), BrokenRows()
        size = blank = 0
        for number, raw in numbered(file, self.name):
            whole.update(raw)
            size += len(raw)
            try:
                row = self._of_line(raw, f"{self.name}:{number}")
            except DataError as error:
                broken.add(error)
                continue
            if row is not None:
                yield row
            else:
                blank += 1
        broken.tell()
        self.sha256, self.size, self.blank = whole.hexdigest(), size, blank

    def _of_line(self, raw: bytes, where: str) -> Row | None:
        """A line's prompt; None for a blank one. Raises :class:`DataError`."""
        text = decoded(raw, where)
        if not text.strip():
            return None
        if self.format == "text":
            return Row(text)
        return prompt_row(parsed(text, where, PROMPT + "; lines of text: --prompts-format text"), where)

    def _from_parquet(self, file: BinaryIO) -> Iterator[Row]:
        import pyarrow
        from pyarrow import parquet

        file.seek(0)
        self.sha256, self.size = hashlib.file_digest(file, "sha256").hexdigest(), file.tell()  # type: ignore[arg-type]
        file.seek(0)
        try:
            table = parquet.ParquetFile(file)
            names = table.schema_arrow.names
            column = next((name for name in ("prompt", *MESSAGES) if name in names), None)
            if column is None:
                raise DataError(
                    f"no column is called prompt, {' or '.join(MESSAGES)}",
                    where=self.name,
                    hint=f"there are: {', '.join(names)}",
                )
            wanted = [name for name in (column, "id", *TAG_NAMES) if name in names]
            number, broken = 0, BrokenRows()
            for batch in table.iter_batches(batch_size=BATCH, columns=wanted):
                for value in batch.to_pylist():
                    number += 1
                    try:
                        row = prompt_row(value, f"{self.name}: row {number}")
                    except DataError as error:
                        broken.add(error)
                        continue
                    yield row
            broken.tell()
        except (pyarrow.ArrowException, OSError) as error:
            raise DataError(f"not a Parquet file that can be read: {error}", where=self.name) from error


def from_words(words: Sequence[str]) -> Prompts:
    """What stood on the command line. Raises :class:`UsageError` for a word that is no text."""
    if not words:
        raise UsageError("no prompts", where="--prompts", hint="give at least one prompt")
    need_text("--prompts", words)
    return Prompts("--prompts", "words", list(words))


def from_file(path: Path, format: Format | None = None) -> Prompts:
    """A file, by its suffix unless the format is said; what is no regular file (``<(...)``) is read as a pipe is."""
    _need_format(format)
    try:
        file = path.open("rb")
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise NotFoundError("there is no such file", where=str(path)) from None
    except IsADirectoryError:
        raise UsageError("is a directory", where=str(path), hint="--prompts-file names a file") from None
    except OSError as error:
        raise cannot_read(path, error) from error
    if stat.S_ISFIFO(mode):
        with file:
            return from_pipe(file, format, name=str(path))
    if not stat.S_ISREG(mode):
        file.close()
        raise UsageError("is not a regular file", where=str(path), hint="--prompts-file names a file, or - for a pipe")
    format = format or SUFFIXES.get(path.suffix.lower())
    if format is None:
        file.close()
        raise UsageError(
            f"a file's format is told by its name, and {path.suffix or 'none'} is no suffix of one",
            where=str(path),
            hint=f"{', '.join(SUFFIXES)}; or say it: --prompts-format text|jsonl|parquet",
        )
    return Prompts(str(path), format, file)


def from_pipe(stream: Any, format: Format | None = None, name: str = "<stdin>") -> Prompts:
    """What is piped in, put into a nameless temporary file, so that it can be read twice.

    Without a format it is JSONL if its first line that is not blank begins with ``{`` or ``"`` and is JSON, else text.
    """
    _need_format(format)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the prompts do
    try:
        shutil.copyfileobj(stream, file, GLANCE)
        file.flush()
    except OSError as error:
        raise cannot_write(Path(tempfile.gettempdir()), error) from error
    return Prompts(name, format or _glance(file), file)


def _need_format(format: str | None) -> None:
    if format is not None and format not in get_args(Format):
        raise UsageError(
            f"{format} is no format of prompts", where="--prompts-format", hint=", ".join(get_args(Format))
        )


def _glance(file: Any) -> Format:
    file.seek(0)
    while raw := file.readline(GLANCE):
        line = raw.removeprefix(b"\xef\xbb\xbf").strip()
        if line:
            if line[:1] in b'{"':
                with contextlib.suppress(ValueError, RecursionError):
                    json.loads(line)
                    return "jsonl"
            return "text"
    return "text"


def need_text(flag: str, words: Sequence[str]) -> None:
    """Raise :class:`UsageError` for a word whose bytes are not UTF-8: no document could hold it, no model read it."""
    for number, word in enumerate(words, 1):
        try:
            word.encode()
        except UnicodeEncodeError:
            raise UsageError(f"word {number} is not UTF-8 text: {word!r}", where=flag) from None
