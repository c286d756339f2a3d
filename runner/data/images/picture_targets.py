"""What pictures are to be told apart by: classes by their words, or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.data.table_rows.values import (
    LOOK_ALIKE,
    MISSING_WORDS,
    WRITTEN_FOR_NONE,
    alike,
    ascii_told,
    beyond,
    numbers_in,
    numbers_of,
    source_of,
    texts,
    words_of,
)
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.images.section import ImagesData

#: More classes than this, and than half of the pictures, are none.
QUANTITY = 100


@dataclass
class Targets:
    """Of each row its class's code, int64, or its number, float64: ``[n]``."""

    values: np.ndarray
    #: The classes in the order of their codes; of numbers, none.
    classes: tuple[str, ...] = ()
    #: Why rows have no usable value: reason -> rows.
    without: dict[str, np.ndarray] = field(default_factory=dict)
    changed: dict[str, np.ndarray] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def read_targets(section: ImagesData, labels: Sequence[Any], places: Sequence[int | str], by_folder: bool) -> Targets:
    """The labels as classes or numbers. Raises :class:`DataError` for labels that are none, with the first's row."""
    from runner.data.table_rows.cells import arrow_values

    if by_folder:
        # A folder's name is a class as it stands.
        words = sorted({label for label in labels if label is not None})
        if words and all(word.isascii() and word.isdigit() and len(word) < 18 for word in words):
            words.sort(key=lambda word: (int(word), word))
        code = {word: at for at, word in enumerate(words)}
        values = np.array([-1 if label is None else code[label] for label in labels], np.int64)
        return Targets(values, tuple(words), warnings=_alike(words))
    array: Any = arrow_values(
        list(labels), section.role, f"a picture has one {'class' if section.predicts == 'classes' else 'number'} here"
    )
    return _classes(section, array) if section.predicts == "classes" else _numbers(section, array, places)


def _classes(section: ImagesData, array: Any) -> Targets:
    source = source_of(array)
    if source in ("other", "moment"):
        raise DataError(
            f"the labels are of type {array.type}, which are no classes", where="/data/columns/label",
            hint="a class is a word, a whole number, or true or false",
        )  # fmt: skip
    words = words_of(texts(array, section.missing_values))
    rows = int((words.codes >= 0).sum())
    if len(words.words) > QUANTITY and len(words.words) > rows / 2:
        raise DataError(
            f"there are {len(words.words):,} different labels of {rows:,} pictures, which are no classes",
            where="/data/columns/label",
            hint="a number is predicted by image_regression; is another column the label?",
        )
    found = Targets(
        words.codes.astype(np.int64), tuple(words.words), {"missing_label": np.flatnonzero(words.codes < 0)}
    )
    if source == "text":
        cells = array.to_pylist()
        spaced = [at for at, cell in enumerate(cells) if cell is not None and cell.strip() and cell != cell.strip()]
        if spaced:
            found.changed["spaces_around_label"] = np.array(spaced, np.int64)
            shown = ", ".join(sorted({repr(cells[at]) for at in spaced})[:10])
            found.warnings.append(f"these labels have spaces around them, which were taken off: {shown}")
        odd = [word for word in words.words if word.lower() in WRITTEN_FOR_NONE]
        if odd:
            found.warnings.append(
                f"{', '.join(map(repr, odd))} is a class here: if a picture of it has none, name the word in "
                "data.missing_values"
            )
    found.warnings += _alike(words.words)
    return found


def _alike(words: Sequence[str]) -> list[str]:
    return [f"{', '.join(map(ascii_told, same))} {LOOK_ALIKE}" for same in alike(words)]


def _numbers(section: ImagesData, array: Any, places: Sequence[int | str]) -> Targets:
    source = source_of(array)
    if source == "text":
        column = texts(array, section.missing_values)
        values, bad = numbers_in(column, getattr(section, "decimal", "."))
        for row in np.flatnonzero(bad).tolist():
            word = str(array[row].as_py())
            if word.strip().lower() not in MISSING_WORDS:
                raise DataError(
                    f"the target of row {places[row]} is {word!r}, which is not a number", where="/data/columns/target",
                    hint='mend the cell, name its word in data.missing_values, or set data.decimal to ","; words are '
                    "predicted by image_classification",
                )  # fmt: skip
    elif source in ("number", "bool"):
        values = numbers_of(array)
    else:
        raise DataError(f"the targets are of type {array.type}, which are no numbers", where="/data/columns/target")
    without = {"missing_target": np.flatnonzero(np.isnan(values)), "infinite_target": np.flatnonzero(beyond(values))}
    return Targets(values, (), without)


def only_used(targets: Targets, kept: np.ndarray) -> Targets:
    """The targets of kept rows, the classes those that occur in them, numbered without gaps."""
    values = targets.values[kept]
    if not targets.classes:
        return Targets(values)
    present = np.unique(values)
    return Targets(np.searchsorted(present, values), tuple(targets.classes[at] for at in present))
