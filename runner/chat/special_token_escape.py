"""Special tokens that a message's text spells: they stay text, and only the template's own are tokens.

Two characters that the conversation has nowhere are put around each before the template is rendered, and taken out of
what it wrote, with the places that they stood at. (transformers' ``sanitize_control_tokens`` does the same, but tells
no places; and it takes marks such as ``<think>`` for text too, which answers are written with.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

#: Where characters for private use begin, and how many there are.
_PRIVATE = (0xF0000, 0xFFFE)


@dataclass(frozen=True, slots=True)
class Protection:
    """What is around the special tokens of a conversation's texts: nothing where none is spelled."""

    opening: str = ""
    closing: str = ""
    pattern: re.Pattern[str] | None = None

    def around(self, value: Any) -> Any:
        """A text, or a document of lists and objects, with every special token in its texts marked."""
        if self.pattern is None:
            return value
        if isinstance(value, str):
            return self.pattern.sub(lambda found: self.opening + found.group() + self.closing, value)
        if isinstance(value, Mapping):
            return {key: self.around(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.around(item) for item in value]
        return value

    def literals(self, text: str) -> tuple[str, list[tuple[int, int]], list[int]]:
        """``text`` without the marks, where the marked stretches lie in it, and where the marks stood in ``text``."""
        if self.pattern is None:
            return text, [], []
        marks = [index for index, letter in enumerate(text) if letter in (self.opening, self.closing)]
        found: list[tuple[int, int]] = []
        for count, (begin, end) in enumerate(pairwise(marks)):
            if text[begin] == self.opening and text[end] == self.closing:
                # As many marks lie before a stretch as come before its own, and its own.
                found.append((begin - count, end - count - 1))
        return text.replace(self.opening, "").replace(self.closing, ""), found, marks


def protect(special_tokens: Sequence[str], document: Any) -> Protection:
    """What keeps the special tokens in ``document``'s texts from being more than text."""
    texts = list(_texts(document))
    if not any(token in text for text in texts for token in special_tokens):
        return Protection()
    used = set().union(*texts)
    first, count = _PRIVATE
    free = (chr(code) for code in range(first, first + count) if chr(code) not in used)
    longest_first = sorted(special_tokens, key=len, reverse=True)
    return Protection(next(free), next(free), re.compile("|".join(map(re.escape, longest_first))))


def _texts(value: Any) -> Any:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
