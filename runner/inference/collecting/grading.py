"""What an answer is worth against a reference."""

from __future__ import annotations

import math
import re
from typing import Literal

from runner.errors import DataError
from runner.tasks.generation.answer_metrics.number_reading import last_number

Grade = Literal["exact", "numeric", "regex", "judge"]
#: Two numbers are the same that differ by less than this share of them.
NEAR = 1e-6


def by_reference(grade: Grade, answer: str, reference: str) -> float:
    """1 for a right answer, 0 for another.

    ``exact``: the same words, whatever the case and spacing. ``numeric``: the last number of both is the same.
    ``regex``: the reference is a regular expression that is found in the answer.
    """
    if grade == "numeric":
        said, right = last_number(answer), last_number(reference)
        return float(said is not None and right is not None and math.isclose(said, right, rel_tol=NEAR, abs_tol=1e-12))
    if grade == "regex":
        return float(re.search(reference, answer) is not None)
    return float(_plain(answer) == _plain(reference))


def check_reference(grade: Grade, reference: str, where: str) -> None:
    """Raise :class:`DataError` for a reference that no answer can be graded by."""
    if grade == "numeric" and last_number(reference) is None:
        raise DataError(f"the reference {reference[:60]!r} has no number in it", where=where)
    if grade == "regex":
        try:
            re.compile(reference)
        except (re.error, OverflowError, RecursionError) as error:
            raise DataError(f"the reference is no regular expression: {error}", where=where) from None


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
