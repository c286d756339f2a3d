"""A dialogue that is one text, ``Human: ... Assistant: ...``, as turns."""

from __future__ import annotations

import re

from runner.chat.messages import Message, Role

_MARKS: dict[str, Role] = {
    "human": "user", "user": "user", "assistant": "assistant", "ai": "assistant", "gpt": "assistant",
    "system": "system",
}  # fmt: skip
_WORDS = "|".join(_MARKS)
#: Where a turn begins: after blank lines, after ``###`` wherever it stands, or at the beginning of a line. A text is
#: read by the first of them that it begins with, so that an answer may speak of a Human: within a line.
_FORMS = (
    re.compile(rf"(?:\A\s*|\s*)### ?({_WORDS}): ?", re.IGNORECASE),
    re.compile(rf"(?:\A\s*|\n\s*\n\s*)({_WORDS}): ?", re.IGNORECASE),
    re.compile(rf"(?:\A\s*|\n\s*)({_WORDS}): ?", re.IGNORECASE),
)


def dialogue(text: str) -> tuple[Message, ...] | None:
    """The turns of a text that begins with a speaker and has an assistant's turn; None for any other text.

    An assistant's turn at the end may be empty: that of a prompt that ends in ``Assistant:``.
    """
    for form in _FORMS:
        marks = list(form.finditer(text))
        if not marks or marks[0].start() != 0:
            continue
        ends = [*(mark.start() for mark in marks[1:]), len(text)]
        turns = tuple(
            Message(_MARKS[mark.group(1).lower()], text[mark.end() : end].strip())
            for mark, end in zip(marks, ends, strict=True)
        )
        if {"user", "assistant"} <= {turn.role for turn in turns}:
            return turns
    return None
