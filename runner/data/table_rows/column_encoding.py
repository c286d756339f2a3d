"""The input columns of a table as they were found in training: kept with the model, and checked when it is asked.

``columns.json`` holds them. What is made of a row at inference is made by the same functions as in training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from runner.data.column_names import need
from runner.data.table_rows import dates
from runner.data.table_rows.float32_columns import WholeNumbers, whole_numbers
from runner.data.table_rows.text_hashing import hashed_words
from runner.data.table_rows.values import (
    MISSING_WORDS,
    Words,
    moments_of,
    numbers_in,
    numbers_of,
    source_of,
    texts,
    words_of,
)
from runner.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["number", "bool", "category", "date", "text"]
#: The largest number that a float32 holds: what lies beyond is as infinite to a learner as infinity.
LARGEST = float(np.finfo(np.float32).max)
DATE_PARTS = ("year", "month", "day", "weekday", "days")
#: ``said(row)`` is the place of a row in its file, for a message.
Place = Callable[[int], str]


@dataclass
class Read:
    """A column's cells as they are used: numbers (float64 ``[n]``; days since 1970 of a date), or words."""

    numbers: np.ndarray | None = None
    words: Words | None = None
    #: The numbers exactly, where they are whole and too large for float64.
    whole: WholeNumbers | None = None
    #: Rows whose number is infinite, or is in float32: they count as missing.
    infinite: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    #: Rows where a word such as NA stands for a missing number or date.
    missing_words: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def missing(self) -> np.ndarray:
        """bool ``[n]``."""
        if self.words is not None:
            return self.words.codes < 0
        assert self.numbers is not None
        return np.isnan(self.numbers)

    def take(self, rows: np.ndarray) -> Read:
        """The cells of some rows."""
        return Read(
            None if self.numbers is None else self.numbers[rows],
            None if self.words is None else replace(self.words, codes=self.words.codes[rows]),
            None if self.whole is None else self.whole.take(rows),
        )


@dataclass(frozen=True)
class Column:
    """One input column."""

    name: str
    kind: Kind
    #: Its categories in the order of their codes, and how many training rows have each.
    categories: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    #: The least and the greatest of the training's numbers (of a date, in days since 1970).
    low: float | None = None
    high: float | None = None
    #: What is taken off a number before it is a float32, which tells large numbers apart only roughly.
    offset: float = 0
    #: Training rows without a value.
    missing: int = 0
    #: How a date is written, and whether its hour counts.
    date_format: str | None = None
    hours: bool = False
    decimal: str = "."
    #: Words that mean missing, beside the empty cell.
    missing_values: tuple[str, ...] = ()
    #: Counts that a text is hashed into.
    text_features: int = 0

    @property
    def features(self) -> tuple[str, ...]:
        """What a learner sees of it."""
        if self.kind == "date":
            return tuple(f"{self.name}.{part}" for part in (*DATE_PARTS, *(("hour",) if self.hours else ())))
        if self.kind == "text":
            return tuple(f"{self.name}.words_{at}" for at in range(self.text_features))
        return (self.name,)

    def read(self, array: pa.ChunkedArray, place: Place) -> Read:
        """The cells as this kind of column. Raises :class:`DataError` with the place of the first that is none."""
        source = source_of(array)
        if source == "other":
            raise self._unfit(array, 0, place)
        if self.kind in ("category", "text"):
            return Read(words=words_of(texts(array, self.missing_values)))
        if source == "text":
            return self._of_texts(array, place)
        if self.kind == "date":
            if source != "moment":
                raise self._unfit(array, 0, place)
            return Read(moments_of(array))
        # A column of 0 and 1 may be written as true and false; they are no other numbers.
        if source == "moment" or (source == "bool" and self.kind == "number" and (self.high or 0) > 1):
            raise self._unfit(array, 0, place)
        return self._exact(_finite(numbers_of(array)), array)

    def _of_texts(self, array: pa.ChunkedArray, place: Place) -> Read:
        column = texts(array, self.missing_values)
        if self.kind == "date":
            assert self.date_format is not None
            days, bad = dates.read_each(column.dictionary, self.date_format)
            gone = np.array([word.lower() in MISSING_WORDS for word in column.dictionary.to_pylist()], bool) & bad
            codes = np.asarray(column.indices.fill_null(-1), np.int64)
            if (bad & ~gone).any():
                raise self._unfit(array, int(np.argmax(np.append(bad & ~gone, False)[codes])), place)
            return Read(np.append(days, np.nan)[codes], missing_words=np.flatnonzero(np.append(gone, False)[codes]))
        if self.kind == "bool":
            words = words_of(column)
            truth = np.array([_TRUTH.get(word.lower(), np.nan) for word in words.words] + [np.nan])
            values = truth[words.codes]
            bad = np.isnan(values) & (words.codes >= 0)
            if bad.any():
                raise self._unfit(array, int(np.argmax(bad)), place)
            return Read(values)
        values, bad = numbers_in(column, self.decimal)
        rows = np.flatnonzero(bad)
        if len(rows):
            words = words_of(column)
            for row in rows:
                if words.words[words.codes[row]].lower() not in MISSING_WORDS:
                    raise self._unfit(array, int(row), place)
        found = _finite(values)
        found.missing_words = rows
        return self._exact(found, array)

    def _exact(self, read: Read, array: pa.ChunkedArray) -> Read:
        assert read.numbers is not None
        read.whole = whole_numbers(array, read.numbers, self.missing_values, self.decimal)
        return read

    def _unfit(self, array: pa.ChunkedArray, row: int, place: Place) -> DataError:
        value = array[row].as_py()
        kinds = {"number": "a number", "bool": "true or false", "date": "a date", "category": "a word", "text": "text"}
        written = f" written as {self.date_format}" if self.date_format not in (None, dates.ISO) else ""
        return DataError(
            f"column {self.name!r} has {value!r}, which is not {kinds[self.kind]}{written}",
            where=place(row),
            hint="mend the cell, name its word in data.missing_values, or say what the column is: "
            "data.categorical_columns, numerical_columns, date_columns, text_columns",
        )

    def encode(self, read: Read) -> np.ndarray:
        """float32 ``[n, len(features)]``: NaN for a missing cell and for a category that training did not have."""
        if self.kind == "category":
            assert read.words is not None
            return self.codes(read.words).astype(np.float32)[:, None]
        if self.kind == "text":
            assert read.words is not None
            return hashed_words(read.words, self.text_features)
        assert read.numbers is not None
        if self.kind == "date":
            found = dates.parts(read.numbers)
            names = [*DATE_PARTS, *(["hour"] if self.hours else [])]
            return np.stack([found[name] for name in names], axis=1).astype(np.float32)
        numbers = read.numbers - self.offset if read.whole is None else read.whole.less(self.offset)
        return numbers.astype(np.float32)[:, None]

    def codes(self, words: Words) -> np.ndarray:
        """float64 ``[n]``: each row's number among the categories, NaN for a missing or an unknown one."""
        known = {word: at for at, word in enumerate(self.categories)}
        table = np.array([known.get(word, np.nan) for word in words.words] + [np.nan])
        return table[words.codes]

    def unseen(self, read: Read) -> dict[str, int]:
        """Words that are no category of training, with their counts."""
        if self.kind != "category" or read.words is None:
            return {}
        known = set(self.categories)
        counts = np.bincount(read.words.codes[read.words.codes >= 0], minlength=len(read.words.words))
        return {
            word: int(count)
            for word, count in zip(read.words.words, counts, strict=True)
            if count and word not in known
        }


_TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}


def _finite(values: np.ndarray) -> Read:
    infinite = np.flatnonzero(np.abs(values) > LARGEST)
    if len(infinite):
        values = values.copy()
        values[infinite] = np.nan
    return Read(values, infinite=infinite)


@dataclass
class Unfamiliar:
    """What rows at inference had that training did not."""

    #: Column -> word -> count.
    categories: dict[str, dict[str, int]] = field(default_factory=dict)
    #: Columns that are not used.
    extra: tuple[str, ...] = ()
    infinite: dict[str, int] = field(default_factory=dict)

    def sentences(self) -> list[str]:
        """What there is to say of them."""
        said = []
        if self.extra:
            said.append(f"not used, the model has no such column: {', '.join(map(repr, self.extra))}")
        for name, words in self.categories.items():
            shown = ", ".join(f"{word!r} ({count})" for word, count in list(words.items())[:5])
            said.append(f"column {name!r} has categories that training did not have: {shown}; they count as unknown")
        for name, count in self.infinite.items():
            numbers = f"{count} number{'s' * (count > 1)}"
            said.append(f"column {name!r} has {numbers}, infinite or too large for a float32, taken as missing")
        return said


@dataclass(frozen=True)
class Columns:
    """All input columns, in the order in which a learner sees them."""

    columns: tuple[Column, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """The names of a matrix's columns."""
        return tuple(name for column in self.columns for name in column.features)

    @property
    def categorical(self) -> list[int]:
        """The matrix's columns that are codes of categories."""
        return [at for at, column in self._spread() if column.kind == "category"]

    @property
    def sources(self) -> list[int]:
        """Of each of the matrix's columns, the number of the table's column that it comes from."""
        return [at for at, column in enumerate(self.columns) for _ in column.features]

    def _spread(self) -> list[tuple[int, Column]]:
        return list(enumerate(column for column in self.columns for _ in column.features))

    def encode(self, cells: Any, missing_ok: bool = False) -> tuple[np.ndarray, Unfamiliar]:
        """Rows as float32 ``[n, len(features)]``, whatever the order of their columns, and what was unfamiliar.

        Raises :class:`DataError` for a column that is missing, unless ``missing_ok``, and for cells that do not fit.
        """
        need(cells.columns, [column.name for column in self.columns], cells.name, "the model was trained with")
        matrix = np.empty((len(cells), len(self.features)), np.float32)
        found = Unfamiliar(extra=tuple(name for name in cells.columns if name not in {c.name for c in self.columns}))
        at = 0
        for column in self.columns:
            read = column.read(cells.column(column.name), cells.place)
            matrix[:, at : at + len(column.features)] = column.encode(read)
            at += len(column.features)
            if words := column.unseen(read):
                found.categories[column.name] = words
            if len(read.infinite):
                found.infinite[column.name] = len(read.infinite)
        return matrix, found

    def as_dict(self) -> dict[str, Any]:
        """As ``columns.json`` has it: fields that say nothing are left out."""
        blank = asdict(Column("", "number"))
        return {
            "columns": [
                {key: value for key, value in asdict(column).items() if key in ("name", "kind") or value != blank[key]}
                for column in self.columns
            ]
        }

    @classmethod
    def read_dict(cls, document: Mapping[str, Any]) -> Columns:
        """What :meth:`as_dict` wrote."""
        tuples = ("categories", "counts", "missing_values")
        entries: list[dict[str, Any]] = [
            {key: tuple(value) if key in tuples else value for key, value in entry.items()}
            for entry in document["columns"]
        ]
        return cls(tuple(Column(**entry) for entry in entries))
