"""The rows of a file as Python values by column, and which of the columns hold texts and targets."""

from __future__ import annotations

import ast
import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from runner.data.column_names import need
from runner.data.invisible_text import is_blank
from runner.data.kept_rows import KeptRows
from runner.data.records import open_records
from runner.data.table_rows.cells import Cells, arrow_values
from runner.errors import DataError

#: What columns of texts, and of targets, are usually called; of several that are there the first is taken.
TEXTS = (
    "text", "sentence", "review", "content", "document", "body", "message", "comment", "tweet", "question", "prompt",
    "title", "utterance", "query", "input", "description",
)  # fmt: skip
PAIRS = (
    ("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"), ("text1", "text2"),
    ("text_a", "text_b"), ("sentence_a", "sentence_b"),
)  # fmt: skip
CLASSES = (
    "label", "labels", "target", "class", "category", "sentiment", "intent", "topic", "label_text", "tag", "tags",
    "genre", "emotion", "y",
)  # fmt: skip
NUMBERS = ("score", "target", "rating", "value", "label", "stars", "similarity", "y")


#: What may stand between labels of one row.
JOINTS = ("|", ";", ",")
#: What is to be done with a cell that holds more than one value.
ONE_VALUE = "a target is one class or one number; several numbers are columns of their own, named in target_columns"


@dataclass
class Rows:
    """Rows as they were read."""

    cells: Cells
    #: Every column's values as the container has them.
    values: dict[str, KeptRows[Any]] = field(default_factory=dict)

    def table(self, *columns: str) -> Cells:
        """The cells with these columns ready to be read as a table's."""
        import pyarrow as pa

        for name in columns:
            if name not in self.cells.held:
                values = self.values[name]
                array = pa.array(values, pa.string()) if self.cells.untyped else arrow_values(values, name, ONE_VALUE)
                self.cells.held[name] = pa.chunked_array([array])
        return self.cells


def read_rows(path: str, pointer: str, encoding: str | None, delimiter: str | None, cache: Path) -> Rows:
    """All rows of a file, a folder or a pattern. Raises what opening them raises.

    ``cache`` is where columns lie that are large. What is held of a row then is its number, and where its cells are: 8
    bytes each.
    """
    records = open_records(path, pointer=pointer, encoding=encoding, delimiter=delimiter)
    untyped = records.container in ("csv", "tsv")
    cells = Cells(path, list(records.columns or ()), untyped, records.unit)
    values: dict[str, KeptRows[Any]] = {name: KeptRows(cache) for name in cells.columns}
    numbers = array("q")
    for batch in records.batches():
        if not cells.files or cells.files[-1] != batch.file:
            cells.files.append(Path(batch.file))
            cells.starts.append(len(numbers))
        for line, reason in batch.bad:
            cells.bad.setdefault(reason, []).append(line)
        for row in batch.rows:
            for name in row:
                if name not in values:
                    values[name] = KeptRows(cache, repeat(None, len(numbers)))
            for name, column in values.items():
                column.append(row.get(name))
            numbers.append(0)
        numbers[len(numbers) - len(batch.numbers) :] = array("q", batch.numbers)
    cells.columns, cells.numbers = list(values), np.array(numbers, np.int64)
    return Rows(cells, values)


def found_columns(section: Any, rows: Rows) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The text columns and the target columns: those that the section names, or those with a usual name.

    Raises :class:`DataError` for a column that is not there, and where none has a usual name.
    """
    cells = rows.cells
    where = f"{cells.files[0]}:1" if cells.files and cells.unit == "line" else cells.name
    need(cells.columns, section.named_columns, where)
    given = {*section.named_columns}
    texts = section.texts or _usual_texts([name for name in cells.columns if name not in given])
    if not texts:
        raise _unfound("text", "text_columns", cells.columns)
    free = [name for name in cells.columns if name not in {*given, *texts}]
    usual = CLASSES if section.predicts == "classes" else NUMBERS
    targets = section.targets or _usual(free, usual)
    if not targets:
        raise _unfound("target", "target_columns", cells.columns)
    return texts, targets


def _usual(columns: Sequence[str], usual: Sequence[str]) -> tuple[str, ...]:
    lower = {name.strip().lower(): name for name in columns}
    return next(((lower[word],) for word in usual if word in lower), ())


def _usual_texts(columns: Sequence[str]) -> tuple[str, ...]:
    lower = {name.strip().lower(): name for name in columns}
    pair = next(((lower[a], lower[b]) for a, b in PAIRS if a in lower and b in lower), None)
    return _usual(columns, TEXTS) or pair or ()


def _unfound(what: str, field: str, columns: Sequence[str]) -> DataError:
    shown = ", ".join(map(repr, list(columns)[:30])) + (", ..." if len(columns) > 30 else "")
    return DataError(
        f"no column has a usual name of a {what}",
        where=f"/data/{field}",
        hint=f'say which it is: "{field}": "..."; there are: {shown or "none"}',
    )


def as_text(value: Any) -> str:
    """A cell as the text that it is: "" for an empty one. A number is as JSON writes it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return "" if is_blank(value) else value
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return " ".join(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def as_lists(values: Sequence[Any], separator: str | None) -> list[list[str] | None] | None:
    """The labels of every row where a column's cells are lists, or words between separators; None where they are not.

    A row of which nothing is said is None, one that has no label an empty list.
    """
    if separator is not None:
        return [None if value is None else _words(str(value).split(separator)) for value in values]
    kinds = {type(value) for value in values if value is not None}
    if kinds & {list, tuple}:
        return [None if value is None else _words(value if isinstance(value, list) else [value]) for value in values]
    written = (value.strip() for value in values if isinstance(value, str))
    bracketed = (value[0] == "[" and value[-1] == "]" for value in written if value)
    if not next(bracketed, False) or not all(bracketed):
        return None
    read = [_written_list(value) for value in values]
    return (
        None
        if any(one is None and isinstance(v, str) and v.strip() for one, v in zip(read, values, strict=True))
        else read
    )


def _written_list(value: Any) -> list[str] | None:
    if not isinstance(value, str) or not value.strip():
        return None
    for parse in (json.loads, ast.literal_eval):
        try:
            found = parse(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, list):
            return _words(found)
    return None


def _words(values: Sequence[Any]) -> list[str]:
    words = (as_text(value).strip() for value in values)
    return list(dict.fromkeys(word for word in words if word))


def spaced_labels(values: Sequence[Any]) -> list[int]:
    """The rows of lists with a label that has spaces around it, which are taken off."""
    return [
        at
        for at, value in enumerate(values)
        if isinstance(value, list | tuple)
        and any(isinstance(each, str) and each.strip() and each != each.strip() for each in value)
    ]


def joined_labels(classes: Sequence[str]) -> str | None:
    """What to say of classes that are other classes with a separator between them; None where none is."""
    known = set(classes)
    for separator in JOINTS:
        for word in classes:
            parts = [part.strip() for part in word.split(separator)]
            if len(parts) > 1 and known.issuperset(parts):
                return (
                    f"the class {word!r} looks like the labels {', '.join(map(repr, parts))} together, and is a class "
                    f'of its own here: "label_separator": "{separator}" reads several labels a row'
                )
    return None
