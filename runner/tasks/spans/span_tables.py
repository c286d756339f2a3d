"""The tables of a model that finds answers in texts: which questions it answers well, and its worst errors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from runner.contract import Table
from runner.data.context_questions.preview import piece

#: Errors that are shown.
WORST = 20
#: Characters of a cell.
LONGEST = 200
#: What questions begin with, or have in them; the others are "other".
WORDS = ("how many", "how much", "how", "what", "which", "when", "where", "who", "whom", "whose", "why")
NONE = "(no answer)"
DECIMALS = {"F1": 3, "exact": 3, "answered": 3, "score": 3}


def tables(rows: Sequence[Any], said: Sequence[str], scores: Sequence[float], each: np.ndarray) -> list[Table]:
    """All tables. ``each`` is F1 and exact match of every question, ``[n, 2]``."""
    return [by_answerable(rows, said, each), by_question_word(rows, each), worst_errors(rows, said, scores, each)]


def by_answerable(rows: Sequence[Any], said: Sequence[str], each: np.ndarray) -> Table:
    """Questions with an answer and without."""
    with_answer = np.array([bool(row.answers) for row in rows])
    answered = np.array([bool(text) for text in said])
    cells = [
        [name, int(side.sum()), *each[side].mean(axis=0).tolist(), float(answered[side].mean())]
        for name, side in (("with an answer", with_answer), ("without", ~with_answer))
        if side.any()
    ]
    return Table(
        "answerable",
        "With an answer and without",
        ["questions", "rows", "F1", "exact", "answered"],
        cells,
        note="Answered: the share that the model gives an answer to.",
        decimals=DECIMALS,
    )


def by_question_word(rows: Sequence[Any], each: np.ndarray) -> Table:
    """Questions by what they begin with, or have in them."""
    words = np.array([question_word(row.question) for row in rows])
    cells = [
        [word, int((words == word).sum()), *each[words == word].mean(axis=0).tolist()]
        for word in (*WORDS, "other")
        if (words == word).any()
    ]
    return Table("question_words", "By the question's word", ["word", "rows", "F1", "exact"], cells, decimals=DECIMALS)


def question_word(question: str) -> str:
    """The question's word."""
    plain = question.lower()
    found = [(match.start(), -len(word), word) for word in WORDS if (match := re.search(rf"\b{word}\b", plain))]
    return min(found)[2] if found else "other"


def worst_errors(rows: Sequence[Any], said: Sequence[str], scores: Sequence[float], each: np.ndarray) -> Table:
    """The questions answered worst, first those of which the model was surest."""
    order = sorted(range(len(rows)), key=lambda at: (each[at, 0], -scores[at]))
    cells = [
        [
            _cut(rows[at].question),
            _piece(rows[at]),
            _cut(" | ".join(dict.fromkeys(rows[at].texts))) or NONE,
            _cut(said[at]) or NONE,
            float(each[at, 0]),
            float(scores[at]),
        ]
        for at in order[:WORST]
        if each[at, 0] < 1
    ]
    return Table(
        "worst_errors",
        "Worst errors",
        ["question", "context", "known answers", "answer", "F1", "score"],
        cells,
        note="Of equally bad answers those come first that the model was surest of.",
        decimals=DECIMALS,
    )


def _piece(row: Any) -> str:
    first = row.answers[0] if row.answers else None
    return _cut(piece(row.context, first.start, first.end) if first else piece(row.context, 0, 0))


def _cut(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= LONGEST else plain[:LONGEST] + "..."
