"""Rows that are lost, and when so many are that the data is not what it was taken for."""

from __future__ import annotations

from runner.data.comparisons.comparison_arrays import B
from runner.data.comparisons.raw_layouts import Rows
from runner.data.comparisons.winner_words import MAP
from runner.errors import DataError


def reasons(rows: Rows) -> str:
    """Why rows were passed over, the most frequent reason first, each with the first row that has it."""
    return ", ".join(
        f"{reason} ({count}, first in {rows.unit} {rows.first[reason]})" for reason, count in rows.skipped.most_common()
    )


def refuse(rows: Rows, limit: float, where: str, *, winners: bool = True) -> None:
    """Raise :class:`DataError` where no row is left, where the winner's words are not understood, where nobody won.

    And where more than ``limit``, a share, of the rows cannot be used. Without ``winners`` nobody need have won.
    """
    words = rows.words
    if words is not None and words.strange:
        column = words.column
        if not len(rows) and sum(words.strange.values()) == rows.read:
            raise DataError(f"no winner is understood: the column {column!r} has {words.listed}", where=where, hint=MAP)
        frequent = words.frequent(rows.read)
        if frequent:
            count = sum(words.strange[word] for word in frequent)
            raise DataError(
                f"{', '.join(map(repr, frequent[:6]))} in the column {column!r} of {count} of {rows.read} rows says "
                "nothing that is understood",
                where=where,
                hint=MAP,
            )
    if not len(rows):
        one = set(rows.skipped) == {"same model twice"}
        raise DataError(
            f"no usable comparison among {rows.read} rows: {'one LLM only: ' if one else ''}{reasons(rows)}",
            where=where,
            hint="a row needs two LLMs, a winner of model_a, model_b, tie or both_bad, and two conversations of "
            "user and assistant turns",
        )
    decided = any(winner <= B for winner in rows.winner)
    if words is not None and words.strange and not decided:
        raise DataError(
            f"no row has a winner: the column {words.column!r} has {words.listed}, which is not understood",
            where=where,
            hint=MAP,
        )
    lost = rows.read - len(rows) - rows.left_out
    if lost > limit * rows.read:
        raise DataError(
            f"{lost} of {rows.read} rows cannot be used, more than the share of {limit:g} that "
            f"data.max_rows_lost allows: {reasons(rows)}",
            where=where,
            hint="mend the rows; or raise data.max_rows_lost, to train on the rest",
        )
    if winners and not decided:
        raise DataError(
            f"every one of {len(rows)} comparisons is a tie, and nothing can be learnt from ties alone",
            where=where,
            hint="is the column of winners the right one (data.columns.winner)? what its words mean can be said in "
            "data.winner_values",
        )
