"""What annotations say, before pictures are looked at: of each the boxes that are marked in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.data.boxes.box_forms import whole_number
from runner.data.boxes.form_names import Corners, Unit
from runner.data.images.collected import Collected
from runner.errors import DataError


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
    #: Whether the numbers have names, ``xmin`` and the like, so that no other corners can be meant.
    named: bool = False

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


def need_from_zero(numbers: set[int], names: Sequence[str], where: str) -> None:
    """Raise :class:`DataError` for classes that are numbered from 1, where their names count from 0."""
    if names and numbers and min(numbers) == 1 and max(numbers) == len(names):
        raise DataError(
            f"the classes of boxes are numbered from 1 to {len(names)}, and their {len(names)} names count from 0: "
            "each box would be of the class behind its own",
            where=where, hint="number the classes from 0, or put a name for 0 in front of the others",
        )  # fmt: skip


def class_word(value: Any, names: tuple[str, ...] = ()) -> str | None:
    """A class as a word: a number is its name of ``names``, or itself; None for a missing one.

    Raises KeyError for a number beyond the names.
    """
    if value is None or (isinstance(value, float) and value != value):
        return None
    word = str(value).strip()
    number = whole_number(value)
    if number is not None and names and not (isinstance(value, str) and word in names):
        if not 0 <= number < len(names):
            raise KeyError(number)
        return names[number]
    # A number with a fraction of nothing is that number; a text stays what it is.
    return str(number) if number is not None and not isinstance(value, str) else word or None


def in_order(words: set[str]) -> tuple[str, ...]:
    """Classes in the order of their words; of numbers, by size."""
    if words and all(word.isascii() and word.isdigit() and len(word) < 18 for word in words):
        return tuple(sorted(words, key=lambda word: (int(word), word)))
    return tuple(sorted(words))
