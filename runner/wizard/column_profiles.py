"""What a column of a sample holds: its kind, how many values, some of them, how long they are."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from runner.data.holdout import TEST, TRAIN, VALIDATION

ColumnKind = Literal["number", "whole number", "boolean", "date", "words", "texts", "list", "object", "bytes", "empty"]
#: Values that are shown of a column, and letters of each.
SHOWN, LETTERS = 3, 40
#: Words of a cell, on average, from which a column is one of texts.
TEXT_WORDS = 4
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "none")


@dataclass(frozen=True)
class ColumnLook:
    """One column, as its cells in the sample are."""

    name: str
    kind: ColumnKind
    #: Cells of the sample, those without a value, and how many different values the others have.
    cells: int
    missing: int
    distinct: int
    #: What :attr:`samples` gives.
    values: tuple[str, ...] = ()
    #: Characters of its longest cell, and of that which 19 in 20 are no longer than.
    longest: int = 0
    usual: int = 0
    #: Every different value, where they are few: what classes are told from.
    words: tuple[str, ...] = ()

    @property
    def samples(self) -> tuple[str, ...]:
        """Some values, as they are shown."""
        return self.values

    @property
    def sides(self) -> list[str]:
        """``train``, ``validation``, ``test``: those that the column says of rows; none where it says anything else."""
        if self.kind != "words" or not self.words or self.missing:
            return []
        of = {word: side for side, words in _SIDES.items() for word in words}
        found = [of.get(word.strip().lower()) for word in self.words]
        return [] if None in found else [side for side in _SIDES if side in found]

    @property
    def is_category(self) -> bool:
        """Whether its values come again: few, each of several cells."""
        here = self.cells - self.missing
        return 2 <= self.distinct <= MOST_CLASSES and self.distinct <= here / 2

    def sentence(self) -> str:
        """``label: words, 2 values: ham, spam``"""
        here = self.cells - self.missing
        count = "no value" if not here else f"{self.distinct:,} different" if self.distinct > 1 else "1 value"
        length = f", up to {self.longest:,} characters" if self.kind == "texts" else ""
        gaps = f", {self.missing:,} missing" if self.missing else ""
        shown = ": " + ", ".join(self.values) if self.values else ""
        return f"{self.name}: {self.kind}, {count}{length}{gaps}{shown}"


_SIDES = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
#: A column of more different values is none of classes.
MOST_CLASSES = 1000


def look_at(name: str, cells: Sequence[Any], *, untyped: bool) -> ColumnLook:
    """The look of a column's cells. ``untyped``: they are texts of a CSV, whatever they stand for."""
    here = [cell for cell in cells if not _missing(cell, untyped)]
    written = [_written(cell) for cell in here]
    distinct = list(dict.fromkeys(written))
    lengths = sorted(map(len, written))
    return ColumnLook(
        name,
        _kind(here, untyped),
        cells=len(cells),
        missing=len(cells) - len(here),
        distinct=len(distinct),
        values=tuple(_short(each) for each in distinct[:SHOWN]),
        longest=lengths[-1] if lengths else 0,
        usual=lengths[math.ceil(len(lengths) * 0.95) - 1] if lengths else 0,
        words=tuple(distinct) if len(distinct) <= MOST_CLASSES else (),
    )


def _missing(cell: Any, untyped: bool) -> bool:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return True
    return isinstance(cell, str) and (cell.strip().lower() in _MISSING if untyped else not cell.strip())


def _kind(cells: Sequence[Any], untyped: bool) -> ColumnKind:
    if not cells:
        return "empty"
    for types, kind in _TYPES:
        if all(isinstance(cell, types) for cell in cells):
            return kind
    if not all(isinstance(cell, str) for cell in cells):
        numbers = all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells)
        return "number" if numbers else "object"
    return _of_texts(cells, untyped)


_TYPES: tuple[tuple[Any, ColumnKind], ...] = (
    (bool, "boolean"), (int, "whole number"), (float, "number"), (list, "list"), (dict, "object"), (bytes, "bytes"),
)  # fmt: skip


def _of_texts(cells: Sequence[str], untyped: bool) -> ColumnKind:
    if untyped:
        if all(re.fullmatch(r"\s*[+-]?\d+\s*", cell) for cell in cells):
            return "whole number"
        if all(_is_number(cell) for cell in cells):
            return "number"
        if {cell.strip().lower() for cell in cells} <= {"true", "false"}:
            return "boolean"
    if all(_DATE.fullmatch(cell.strip()) for cell in cells):
        return "date"
    if all(cell.lstrip()[:1] in ("[", "{") for cell in cells[:50]) and _is_json(cells[0]):
        return "list" if cells[0].lstrip()[0] == "[" else "object"
    words = sum(len(cell.split()) for cell in cells) / len(cells)
    return "texts" if words >= TEXT_WORDS else "words"


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _is_json(cell: str) -> bool:
    try:
        json.loads(cell)
    except (ValueError, RecursionError):
        return False
    return True


def _written(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bytes):
        return f"{len(cell):,} bytes"
    return json.dumps(cell, ensure_ascii=False, default=str)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LETTERS else line[: LETTERS - 3] + "..."
