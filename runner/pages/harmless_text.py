"""Other people's words, made harmless before they are shown on a terminal or a page.

Names and messages come from specs, data files and other people's programs, so whatever could steer a terminal is
spelled out (``\\x1b``) before it is shown.
"""

from __future__ import annotations

import unicodedata

# Bidirectional controls reorder what follows them; the other characters of category Cf (joiners, say) are harmless.
BIDIRECTIONAL = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: object) -> str:
    """One line without control characters: each is spelled out, line breaks become spaces."""
    return "".join(
        " "
        if char in "\n\r\t"
        else char.encode("unicode_escape").decode("ascii")
        if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} or char in BIDIRECTIONAL
        else char
        for char in str(text)
    )


def columns_taken(text: str) -> int:
    """The columns of a terminal that a cleaned text takes: an East Asian character takes two, an accent none."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    none = sum(unicodedata.category(char) in {"Mn", "Me", "Cf"} for char in text)
    return len(text) + wide - none
