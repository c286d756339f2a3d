"""What annotations say, before pictures are looked at: of each the boxes that are marked in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from runner.data.boxes.form_names import Corners, Unit
from runner.data.images.collected import Collected


@dataclass(frozen=True)
class Mark:
    """One box as its annotation has it: four numbers, some NaN, and a class, None where it has none."""

    numbers: tuple[float, float, float, float]
    label: str | None
    #: Around a crowd of things: not learned, and what is found in it is not judged.
    crowd: bool = False
    #: Why it cannot be used, where the annotation alone tells.
    fault: str | None = None


@dataclass
class MarkedPictures:
    """Pictures by their places; the label of each is the list of its marks."""

    found: Collected = field(default_factory=Collected)
    #: How the numbers are meant, where the annotations' kind says so.
    corners: Corners | None = None
    unit: Unit | None = None
    #: The classes in the order of the annotations; empty where they have none.
    classes: tuple[str, ...] = ()
    #: What the annotations are called, such as ``COCO``.
    kind: str = "rows"
    #: By picture, the width and the height that its annotation says it has.
    said: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, row: int | str, name: str, marks: list[Mark], side: str | None = None, cell: Any = None) -> int:
        """A picture; its place is said next."""
        return self.found.add(row, name, marks, side=side, cell=cell)


def size_said(width: Any, height: Any) -> tuple[int, int] | None:
    """A size as an annotation says it; None where it says none. Converters write 0 for one that they do not know."""
    try:
        size = int(width), int(height)
    except (TypeError, ValueError, OverflowError):
        return None
    return size if min(size) > 0 else None


def class_word(value: Any, names: tuple[str, ...] = ()) -> str | None:
    """A class as a word: a number is its name of ``names``, or itself; None for a missing one.

    Raises KeyError for a number beyond the names.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and value.strip().isdigit() and names:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and names:
        if not 0 <= value < len(names):
            raise KeyError(value)
        return names[value]
    if value is None or (isinstance(value, float) and value != value):
        return None
    return str(value).strip() or None


def in_order(words: set[str]) -> tuple[str, ...]:
    """Classes in the order of their words; of numbers, by size."""
    if words and all(word.isascii() and word.isdigit() and len(word) < 18 for word in words):
        return tuple(sorted(words, key=lambda word: (int(word), word)))
    return tuple(sorted(words))
