"""The questions of files: flat rows of any container, and the nested objects of SQuAD, each with its place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.data.records import open_records
from runner.data.records.byte_streams import bad_byte, opened
from runner.data.records.data_files import data_files
from runner.data.records.json_lines import LONGEST_ROW, usable
from runner.data.records.json_objects import ObjectReader

#: Rows of a file that are held at a time.
BATCH = 512
ARTICLES, PARAGRAPHS, QUESTIONS = "data", "paragraphs", "qas"
#: What an article and a paragraph say of each of their questions.
ABOVE = ("title", "context")


@dataclass(frozen=True)
class QuestionSource:
    """The questions of a path, read as often as needed."""

    path: str | Path
    pointer: str = "/data/dataset"
    encoding: str | None = None
    delimiter: str | None = None

    @property
    def unit(self) -> str:
        """What a question's number counts."""
        return "question" if self._nested() else open_records(self.path, **self._how).unit

    def batches(self) -> Iterator[list[tuple[int, Mapping[str, Any] | str]]]:
        """The number of every question with its cells by column, or with why there is none.

        Raises :class:`~runner.errors.DataError` for what cannot be read.
        """
        nested = self._nested()
        if nested is not None:
            number = 0
            for document in nested:
                found = list(expanded(document))
                yield [(number + at, question) for at, question in enumerate(found, 1)]
                number += len(found)
            return
        for batch in open_records(self.path, **self._how).batches(BATCH):
            rows: list[tuple[int, Mapping[str, Any] | str]] = list(batch.bad)
            for line, row in zip(batch.numbers, batch.rows, strict=True):
                rows += [(line, question) for question in expanded(row)]
            yield sorted(rows, key=lambda row: row[0])

    @property
    def _how(self) -> dict[str, Any]:
        return {"pointer": self.pointer, "encoding": self.encoding, "delimiter": self.delimiter}

    def _nested(self) -> list[dict[str, Any]] | None:
        """The objects of ``.json`` files that are one nested object each; None for other files."""
        files, container = data_files(self.path, self.pointer)
        if container != "json":
            return None
        documents = [_document(file, self.encoding) for file in files]
        return [each for each in documents if each is not None] if all(documents) else None


def expanded(row: Mapping[str, Any]) -> Iterator[Mapping[str, Any] | str]:
    """The questions of a row: of an article or a paragraph all of them, else the row itself."""
    for key in (ARTICLES, PARAGRAPHS, QUESTIONS):
        below = row.get(key)
        if isinstance(below, list):
            above = {name: row[name] for name in ABOVE if name in row}
            for each in below:
                if isinstance(each, Mapping):
                    yield from expanded(above | dict(each))
                else:
                    yield "not_an_object"
            return
    yield row


def _document(file: Path, encoding: str | None) -> dict[str, Any] | None:
    """The file's one object, where it is nested; None for rows."""
    with opened(file, encoding=encoding) as stream:
        head = stream.read(4096)
        if not head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
            return None
        try:
            text = (head + stream.read(LONGEST_ROW)).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise bad_byte(file) from None
    try:
        found, twice = ObjectReader().read(text)
    except (json.JSONDecodeError, ValueError, RecursionError):
        # An object a line, or broken: the reader of rows says where.
        return None
    nested = isinstance(found, dict) and any(
        isinstance(found.get(key), list) for key in (ARTICLES, PARAGRAPHS, QUESTIONS)
    )
    return found if nested and twice is None and not isinstance(usable(found, text), str) else None
