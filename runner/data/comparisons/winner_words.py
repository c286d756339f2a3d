"""What the cells of a comparison's columns mean: an LLM's name, and the word for who won."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from runner.data.comparisons.comparison_arrays import BOTH_BAD, TIE, A, B
from runner.errors import DataError

#: The words of the published data sets. MT-bench calls a pair of answers that is judged otherwise in the other order
#: ``tie (inconsistent)``, and counts it as a tie.
WINNERS = {
    "model_a": A, "model_b": B, "tie": TIE, "both_bad": BOTH_BAD, "tie (bothbad)": BOTH_BAD, "tie (inconsistent)": TIE,
}  # fmt: skip
#: A word that says the row is to be left out: never one of the above.
SKIP = "skip"
#: A word that nothing explains is frequent in at least this many rows, and in this share of them.
FREQUENT, FREQUENT_SHARE = 5, 0.05
WORD = "a winner is model_a, model_b, tie, both_bad, or the winning LLM's name"
MAP = (
    "say what they mean in the spec's data.winner_values, as in "
    '{"model_a": ["A"], "model_b": ["B"], "tie": ["draw"]}; "skip" leaves their rows out'
)


def llm_names(cells: Sequence[Any], column: str, file: str, numbers: Sequence[int]) -> list[str]:
    """The LLMs that a column's cells name: text, or a whole number; "" where there is none (null, NaN).

    ``numbers`` are the rows' places in the file. Raises :class:`DataError` for a value of another type.
    """
    return [
        cell if isinstance(cell, str) else _name(cell, column, f"{file}:{number}")
        for cell, number in zip(cells, numbers, strict=True)
    ]


def _name(value: Any, column: str, where: str) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise DataError(
        f"the column {column!r} holds {_type(value)}, and an LLM's name is text or a whole number",
        where=where,
        hint="write the names as text",
    )


class WinnerWords:
    """The words of a data set's winner column, and how often those came that nothing explains."""

    def __init__(self, column: str, given: Mapping[str, str]) -> None:
        self.column, self._given = column, given
        self.strange: Counter[str] = Counter()

    def read(
        self, values: Sequence[Any], model_a: Sequence[str], model_b: Sequence[str], file: str, numbers: Sequence[int]
    ) -> list[str | None]:
        """For every row one of ``WINNERS``, :data:`SKIP`, or None for a word that nothing explains.

        Raises :class:`DataError` where a word of ``WINNERS`` names an LLM of the row and another winner.
        """
        return [
            self._one(value, a, b, f"{file}:{number}")
            for value, a, b, number in zip(values, model_a, model_b, numbers, strict=True)
        ]

    def _one(self, value: Any, model_a: str, model_b: str, where: str) -> str | None:
        if isinstance(value, list | dict | bytes):
            raise DataError(
                f"the column {self.column!r} holds {_type(value)}, and a winner is a word", where=where, hint=WORD
            )
        words = _spellings(value)
        for word in words:
            if word in self._given:
                return self._given[word]
        word = words[0]
        named = "model_a" if word == model_a else "model_b" if word == model_b else None
        if word in WINNERS:
            if named is not None and named != word and word and model_a != model_b:
                raise DataError(
                    f"an LLM is called {word!r}, so that the winner {word!r} may be that LLM or "
                    f"{'that side' if word in ('model_a', 'model_b') else 'that verdict'}",
                    where=where,
                    hint="say in the spec's data.winner_values what the word means, or give the LLM another name",
                )
            return word
        # Both names alike are told as that.
        if word and named is not None:
            return named
        self.strange[word] += 1
        return None

    @property
    def listed(self) -> str:
        """The words that nothing explains, the most frequent first."""
        words = [word for word, _ in self.strange.most_common(6)]
        return ", ".join(map(repr, words)) + (" ..." if len(self.strange) > len(words) else "")

    def frequent(self, rows: int) -> list[str]:
        """Those that so many of the rows have that the column must mean something by them."""
        least = max(FREQUENT, FREQUENT_SHARE * rows)
        return [word for word, count in self.strange.most_common() if word and count >= least]


def _spellings(value: Any) -> list[str]:
    """How a cell may be written in a spec. A column of whole numbers becomes one of floats when a cell is empty."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return [""]
    if isinstance(value, bool):
        return [str(value), str(value).lower()]
    word = value.strip() if isinstance(value, str) else str(value)
    return [word, word.partition(".")[0]] if re.fullmatch(r"-?\d+\.0+", word) else [word]


def _type(value: Any) -> str:
    names = {bool: "booleans", float: "numbers with a point", list: "lists", dict: "objects", bytes: "bytes"}
    return names.get(type(value), f"values of type {type(value).__name__}")
