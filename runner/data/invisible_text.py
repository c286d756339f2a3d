"""Texts in which there is nothing to see: blanks, and characters without a width."""

from __future__ import annotations

#: Characters without a width that copying leaves behind: joiners, marks of direction and order, soft hyphens.
INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"


def is_blank(text: str) -> bool:
    """Whether nothing of a text would be seen."""
    rest = text.strip()
    return not rest or (rest[0] in INVISIBLE and not "".join(each for each in rest if each not in INVISIBLE).strip())
