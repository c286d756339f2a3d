"""Files and pipes of rows to be answered: what rows are read from, by its name's ending or how it begins."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from runner.data.records.data_files import NO_OTHERS, Container, container_of, is_pattern
from runner.errors import NotFoundError, UsageError
from runner.store.files import cannot_write

#: Bytes of a pipe that are copied at a time, and those by which its format is told.
GLANCE = 1024 * 1024
FORMATS = {"csv": ".csv", "tsv": ".tsv", "jsonl": ".jsonl", "json": ".json", "parquet": ".parquet", "arrow": ".arrow"}

Rows = TypeVar("Rows")


@dataclass(frozen=True)
class AskedFiles(Generic[Rows]):
    """What a layout reads asked rows from; its ``from_file`` and ``from_pipe`` are the layout's own."""

    #: What the rows are, in a sentence.
    noun: str
    #: ``make(name, path, folder, **told)`` opens a file; ``folder`` is what keeps it, where it was piped in.
    make: Callable[..., Rows]
    #: The format of what begins with these bytes, Parquet apart, without blanks before them.
    begins: Callable[[bytes], str]
    #: Each format with its names' ending.
    formats: Mapping[str, str]
    #: Endings of files of lines of text, where the layout has such; other files have to be called as a container is.
    lines: Sequence[str] = ()
    #: Suffixes of files of the layout's own, beside those that all layouts read.
    also: Mapping[str, Container] = field(default_factory=lambda: NO_OTHERS)

    def from_file(self, path: Path, format: str | None = None, **told: Any) -> Rows:
        """A file, by its ending unless the format is said; a pipe by another name (``<(...)``) is read as one.

        ``told`` is what the layout's section says of asked rows. Raises :class:`NotFoundError` for one that is not
        there, and :class:`UsageError` where nothing tells what it is.
        """
        self._need_format(format)
        otherwise = format is not None and not path.name.lower().endswith(self.formats[format])
        if path.is_fifo() or (otherwise and path.is_file()):
            with path.open("rb") as file:
                return self.from_pipe(file, format, name=str(path), **told)
        if not path.exists() and not is_pattern(path):
            raise NotFoundError("there is no such file", where=str(path))
        named = path.suffix.lower() in self.lines or container_of(path.name, self.also) is not None
        if self.lines and not named and path.is_file():
            raise UsageError(
                f"a file's format is told by its name, and {path.suffix or 'none'} is no suffix of one",
                where=str(path),
                hint=f"{', '.join(dict.fromkeys([*self.lines, *self.formats.values()]))}; or say it: "
                f"--prompts-format {'|'.join(self.formats)}",
            )
        return self.make(str(path), path, None, **told)

    def from_pipe(self, stream: Any, format: str | None = None, name: str = "standard input", **told: Any) -> Rows:
        """What is piped in, put into a temporary file, so that it can be read twice; told by its first bytes."""
        self._need_format(format)
        folder, raw = put_aside(stream)
        return self.make(name, ending_in(raw, self.formats[format or self._glance(raw)]), folder, **told)

    def _need_format(self, format: str | None) -> None:
        if format is not None and format not in self.formats:
            raise UsageError(
                f"{format} is no format of {self.noun}", where="--prompts-format", hint=", ".join(self.formats)
            )

    def _glance(self, raw: Path) -> str:
        with raw.open("rb") as file:
            head = file.read(GLANCE).removeprefix(b"\xef\xbb\xbf").lstrip()
        return "parquet" if head[:4] == b"PAR1" else self.begins(head)


def is_array(head: bytes) -> bool:
    """Whether it begins as a JSON array of objects: a line of text may begin with a bracket."""
    return head[:1] == b"[" and head[1:].lstrip()[:1] == b"{"


def put_aside(stream: Any) -> tuple[tempfile.TemporaryDirectory[str], Path]:
    """What a stream holds as a file without an ending, and its folder, which lives as long as the rows do."""
    folder = tempfile.TemporaryDirectory(prefix="runner-rows-")
    raw = Path(folder.name) / "rows"
    try:
        with raw.open("wb") as file:
            shutil.copyfileobj(stream, file, GLANCE)
    except OSError as error:
        raise cannot_write(raw, error) from error
    return folder, raw


def ending_in(raw: Path, end: str) -> Path:
    """The file by a name that says what it is."""
    named = raw.with_suffix(end)
    os.rename(raw, named)  # noqa: PTH104 - one that is there already is not replaced, there is none
    return named
