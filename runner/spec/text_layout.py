"""Where the parts of a document stand in its text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]

#: A run of characters that is no string and no structure: a number, a literal, or something that is neither.
WORD = re.compile(r"""[^\s,\[\]{}:"'#/\x00-\x1f]+""")


@dataclass(frozen=True, slots=True)
class ObjectShape:
    """Where an object stands, and by key where its key and its value do."""

    start: int
    end: int
    members: dict[str, tuple[int, Shape]]


@dataclass(frozen=True, slots=True)
class ArrayShape:
    """Where a list stands, and its items."""

    start: int
    end: int
    items: list[Shape]


#: A scalar is only its start, since its end follows from the text: a list of a million numbers stays small.
Shape = int | ObjectShape | ArrayShape


def span(text: str, shape: Shape) -> tuple[int, int]:
    """Start and end of a value in the text it was read from."""
    if not isinstance(shape, int):
        return shape.start, shape.end
    if text[shape : shape + 1] == '"':
        return shape, scanstring(text, shape + 1, True)[1]
    word = WORD.match(text, shape)
    return shape, word.end() if word else shape
