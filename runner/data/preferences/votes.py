"""Two answers that were voted on: their columns, and the words of who won."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runner.data.comparisons.comparison_arrays import BOTH_BAD, TIE, A, B
from runner.data.comparisons.winner_words import WINNERS
from runner.data.dialogues.cell_values import missing
from runner.data.dialogues.column_roles import VOTED, Columns, plain
from runner.data.dialogues.row_faults import RowFault

#: The columns of both answers, and of who won, by their roles.
ANSWERS, WINNER = ("response_a", "response_b"), "winner"
#: A mark in one of three columns instead of a word, as the Chatbot Arena's competition has them: roles to columns.
MARKS = {"winner_a": "winner_model_a", "winner_b": "winner_model_b", "winner_tie": "winner_tie"}
#: Who won, beside the words of data sets of comparisons.
WORDS = WINNERS | {
    "a": A, "b": B, "model a": A, "model b": B, "response_a": A, "response_b": B, "answer_a": A, "answer_b": B,
    "assistant_a": A, "assistant_b": B, "conversation_a": A, "conversation_b": B, "draw": TIE, "both": TIE,
    "both bad": BOTH_BAD, "bothbad": BOTH_BAD, "neither": BOTH_BAD,
}  # fmt: skip


def vote_columns(columns: Columns) -> Iterator[dict[str, str]]:
    """The columns of two answers and of who won, by role, for every way in which they are there."""
    for names in VOTED:
        both = [columns.of(role, (name,)) for role, name in zip(ANSWERS, names, strict=True)]
        if None in both:
            continue
        named = {role: str(name) for role, name in zip(ANSWERS, both, strict=True)}
        if winner := columns.of(WINNER, (WINNER,)):
            yield named | {WINNER: winner}
        marks = {role: found[0] for role, name in MARKS.items() if (found := columns.all([name]))}
        if len(marks) == len(MARKS):
            yield named | marks


def won(columns: Mapping[str, str], row: Mapping[str, Any]) -> tuple[str, str]:
    """The roles of the better answer and of the worse one. Raises :class:`RowFault` for a tie, and for another word."""
    found = _by_word(columns, row) if WINNER in columns else _by_mark(columns, row)
    if found in (TIE, BOTH_BAD):
        raise RowFault("tie", "neither answer won")
    return ANSWERS if found == A else (ANSWERS[1], ANSWERS[0])


def _by_word(columns: Mapping[str, str], row: Mapping[str, Any]) -> int:
    word = row.get(columns[WINNER])
    # An answer may be called as its column is.
    words = WORDS | {plain(columns[role]): side for role, side in zip(ANSWERS, (A, B), strict=True)}
    said = (word.strip().lower(), plain(word)) if isinstance(word, str) else ()
    found = next((words[each] for each in said if each in words), None)
    if found is None:
        raise RowFault("unreadable_winner", f"the winner is {word!r}, which is none of a, b, model_a, model_b and tie")
    return found


def _by_mark(columns: Mapping[str, str], row: Mapping[str, Any]) -> int:
    sides = dict(zip(MARKS, (A, B, TIE), strict=True))
    marked = [side for role, side in sides.items() if not missing(mark := row.get(columns[role])) and _set(mark)]
    if len(marked) != 1:
        shown = ", ".join(f"{columns[role]} {row.get(columns[role])!r}" for role in MARKS)
        raise RowFault("unreadable_winner", f"one of three columns says who won, and they are {shown}")
    return marked[0]


def _set(mark: Any) -> bool:
    return str(mark).strip().lower() in ("1", "1.0", "true")
