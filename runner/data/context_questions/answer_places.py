"""Where in a context an answer stands: where the file says so, by another count, or at its only occurrence."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from runner.data.context_questions.question_row import GoldAnswer
from runner.data.dialogues.row_faults import RowFault
from runner.data.offset_counts import other_counts, places

#: Characters of a text that a message shows.
SHOWN = 40
#: What is said of a start that counts something else than characters.
REASONS = {
    "utf16_units": "answer_start_in_utf16_units",
    "bytes": "answer_start_in_bytes",
    "line_ends": "answer_start_of_other_line_ends",
}
QUOTES = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014", "''\"\"--")


@dataclass(frozen=True)
class Placed:
    """An answer where it stands, and why it is used otherwise than the file has it: "" where it is not."""

    answer: GoldAnswer
    changed: str = ""


def place(context: str, text: str, start: int | None) -> Placed:
    """The answer ``text``, which the file has at ``start``, or at no place that it names.

    Where the text stands at ``start`` it is taken as it is. Else ``start`` is read as a count of UTF-16 units (as
    browsers count), of bytes of UTF-8, or of characters with other line ends; then blanks, line ends, quotes, case and
    composed characters may differ there; then the answer is where it occurs once. Raises :class:`RowFault` for one that
    occurs nowhere, or several times.
    """
    if start is not None and start >= 0 and context.startswith(text, start):
        return Placed(GoldAnswer(text, start))
    stripped = text.strip()
    lead = len(text) - len(text.lstrip())
    if start is not None and start >= 0:
        for reason, at in _readings(context, start):
            if at is not None and context.startswith(text, at):
                return Placed(GoldAnswer(text, at), reason)
            if at is not None and context.startswith(stripped, at + lead):
                return Placed(GoldAnswer(stripped, at + lead), reason if at != start else "answer_blanks_cut")
        if context.startswith(stripped, start):
            return Placed(GoldAnswer(stripped, start), "answer_blanks_cut")
    found = _whole_words(context, stripped, [(at, at + len(stripped)) for at in _occurrences(context, stripped)])
    if len(found) == 1:
        return Placed(GoldAnswer(stripped, found[0][0]), "answer_start_found" if start is None else "answer_moved")
    if not found:
        found = _whole_words(context, stripped, _alike(context, stripped))
        here = [(first, end) for first, end in found if start is not None and first == start + lead]
        if len(found) == 1 or here:
            first, end = (here or found)[0]
            return Placed(GoldAnswer(context[first:end], first), "answer_as_context_spells_it")
    if found:
        said = "without an answer_start" if start is None else f"and not at answer_start {start}"
        raise RowFault("answer_ambiguous", f"{_shown(text)} occurs {len(found)} times in the context, {said}")
    there = "" if start is None else f"; at answer_start {start} there is {_shown(context[max(0, start) :])}"
    raise RowFault("answer_not_in_context", f"{_shown(text)} is not in the context{there}")


def _readings(context: str, start: int) -> Iterator[tuple[str, int | None]]:
    """Places that ``start`` may mean where it counts something else than characters, the likeliest first."""
    yield "answer_blanks_cut", start
    for count, sizes in other_counts(context):
        yield REASONS[count], places(sizes).get(start)


def _occurrences(context: str, text: str) -> Iterator[int]:
    at = context.find(text) if text else -1
    while at >= 0:
        yield at
        at = context.find(text, at + 1)


def _whole_words(context: str, text: str, found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The places where no letter or digit goes on beyond the answer's ends, if there are any, else all."""

    def joined(one: str, other: str) -> bool:
        return one.isalnum() and other.isalnum()

    whole = [
        (first, end)
        for first, end in found
        if not joined(context[first - 1 : first], context[first : first + 1])
        and not joined(context[end - 1 : end], context[end : end + 1])
    ]
    return whole or found


def _alike(context: str, text: str) -> list[tuple[int, int]]:
    """Where the text stands but for blanks, line ends, quotes, case and the way in which characters are composed."""
    folded, places = _folded(context)
    wanted = _folded(text)[0].strip()
    return [
        (places[at], places[at + len(wanted)])
        for at in _occurrences(folded, wanted)
        # Not from the middle of a character, nor to one.
        if (at == 0 or places[at] != places[at - 1]) and places[at + len(wanted)] != places[at + len(wanted) - 1]
    ]


def _folded(text: str) -> tuple[str, list[int]]:
    """The text as it is compared, and of each of its characters, and of its end, the place in the text."""
    marks: list[str] = []
    places: list[int] = []
    at = 0
    while at < len(text):
        end = at + 1
        if text[at].isspace():
            while end < len(text) and text[end].isspace():
                end += 1
            made = " "
        else:
            while end < len(text) and unicodedata.combining(text[end]):
                end += 1
            made = unicodedata.normalize("NFKC", text[at:end]).translate(QUOTES).casefold()
        marks.append(made)
        places += [at] * len(made)
        at = end
    return "".join(marks), [*places, len(text)]


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")
