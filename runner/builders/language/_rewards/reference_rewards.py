"""Rewards that compare an answer with what the row says: word by word, or as a number."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from runner.builders.language._rewards.judged_answer import JudgedAnswer

#: A number as people write it: 1,234.5, -3, .5, 1e6, 3/4. A minus between two numbers is none of its own.
NUMBER = re.compile(
    r"(?<![\w.])[-+\u2212]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)?(?:(?<=\d)\.\d+|(?<!\d)\.\d+)?(?<=\d)"
    r"(?:[eE][-+]?\d+)?(?:\s?/\s?\d+)?"
)
#: What stands before the answer of a calculation.
MARK = "####"


class _Compared:
    def __init__(self, section: Any) -> None:
        self._section = section
        self._expression = None if section.pattern is None else re.compile(section.pattern)

    def values(self, answers: Sequence[JudgedAnswer]) -> list[float | None]:
        return [self._value(answer) for answer in answers]

    def _value(self, answer: JudgedAnswer) -> float | None:
        """None for a row that does not say what is right."""
        said = answer.row.beside.get(self._section.column)
        right = [each for each in (said if isinstance(said, list) else [said]) if each is not None]
        if not right:
            return None
        found = self._found(answer.text)
        return float(found is not None and any(self.same(found, each) for each in right))

    def _found(self, text: str) -> str | None:
        if self._expression is None:
            return text
        every = list(self._expression.finditer(text))
        if not every:
            return None
        found: str | None = every[-1][1 if self._expression.groups else 0]
        return found

    def same(self, text: str, right: Any) -> bool:
        raise NotImplementedError


class Exact(_Compared):
    """Word by word, whatever blanks are between them."""

    def same(self, text: str, right: Any) -> bool:
        return self._plain(text) == self._plain(str(right))

    def _plain(self, text: str) -> str:
        words = " ".join(text.split())
        return words.casefold() if self._section.ignore_case else words


class Numeric(_Compared):
    """As a number: the last one of either side, after ``####`` where that is."""

    def same(self, text: str, right: Any) -> bool:
        found, (wanted,) = number_in(text), cell_numbers([right])
        return found is not None and abs(found - wanted) <= self._section.tolerance * max(1.0, abs(wanted))


def cell_numbers(value: Any) -> list[float]:
    """The numbers of a cell: of a list, those of its items that are there. Raises ValueError for one that has none."""
    found = []
    for each in value if isinstance(value, list) else [value]:
        if each is not None:
            if (number := number_in(each)) is None:
                raise ValueError(f"there is no number in {each!r}")
            found.append(number)
    return found


def number_in(value: Any) -> float | None:
    """The number that a value is, or the last one of a text; None where there is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    text = str(value).rpartition(MARK)[2]
    found = [number for word in NUMBER.finditer(text) if (number := _read(word[0])) is not None]
    return found[-1] if found else None


def _read(word: str) -> float | None:
    over, _, under = word.replace(",", "").replace("\u2212", "-").partition("/")
    try:
        number = float(over) / (float(under) if under else 1.0)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None
