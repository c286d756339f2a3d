"""What is odd about a table and would be learnt without a word: saved counters, copies of the target, unused files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from runner.data.table_rows.values import (
    MISSING_WORDS,
    codes_of_digits,
    is_number,
    numbers_in,
    numbers_of,
    source_of,
    texts,
    with_signs,
)

if TYPE_CHECKING:
    from runner.data.table_rows.cells import Cells
    from runner.data.table_rows.column_encoding import Column, Read
    from runner.data.table_rows.targets import Target

#: A column without a name, or with the name that a data frame's index gets when it is saved.
_INDEX = re.compile(r"\s*|Unnamed: \d+(_level_\d+)?|__index_level_\d+__")
#: Correlation from which a number is the target but for its unit.
SAME = 1 - 1e-9
#: More words than this, each in one row alone, are names or texts.
NAMES = 10


def index_columns(table: Cells) -> dict[str, str]:
    """Columns that are the counter of a saved data frame, and why: all without a name, others if they count."""
    found = {}
    for name in table.columns:
        if _INDEX.fullmatch(name):
            if not name.strip():
                found[name] = "has no name, as the saved index of a data frame has none"
            elif _counts(table, name):
                found[name] = "counts the rows, as the saved index of a data frame does"
    return found


def _counts(table: Cells, name: str) -> bool:
    array = table.column(name)
    kind = source_of(array)
    if kind not in ("text", "number"):
        return False
    values = numbers_of(array) if kind == "number" else numbers_in(texts(array))[0]
    return len(values) > 1 and bool((np.diff(values) == 1).all())


def repeats_target(read: Read, rows: np.ndarray, target: Target, within: np.ndarray) -> str | None:
    """Why a column gives the target away, or None. ``rows`` are indices of the file, ``within`` of the target."""
    values = target.values[within]
    if target.classes:
        return _determines(read, rows, values)
    if read.numbers is None:
        return None
    numbers = read.numbers[rows]
    if np.isnan(numbers).any() or len(numbers) < 5 or values.std() == 0 or numbers.std() == 0:
        return None
    if np.array_equal(numbers, values):
        return "is a copy of the target"
    return "is, but for its unit, a copy of the target" if abs(np.corrcoef(numbers, values)[0, 1]) > SAME else None


def _determines(read: Read, rows: np.ndarray, classes: np.ndarray) -> str | None:
    """Whether each value goes with one class: told only where values repeat, four rows to each at least on average."""
    if read.words is not None:
        codes = read.words.codes[rows]
    else:
        assert read.numbers is not None
        numbers = read.numbers[rows]
        few = numbers[:10_000]
        if len(np.unique(few)) > len(few) / 4:
            return None
        codes = np.unique(numbers, return_inverse=True)[1]
    # A missing cell is a value as others are.
    counts = np.bincount(codes + 1)
    values = int((counts > 0).sum())
    if not 2 <= values <= len(codes) / 4:
        return None
    pairs = np.bincount((codes + 1).astype(np.int64) * (int(classes.max()) + 1) + classes)
    return "determines, one class for each of its values, the target" if (pairs > 0).sum() == values else None


def texts_of_numbers(column: Column, read: Read) -> str | None:
    """What to say of texts that are numbers, alone or among words, and have become categories; None of others.

    Of a container that has types: in a text file numbers are texts anyhow, and are told apart by what most cells are.
    """
    if column.kind != "category" or read.words is None or codes_of_digits(read.words.words):
        return None
    numbers, others = [], []
    for word in read.words.words:
        if is_number(word, column.decimal):
            numbers.append(word)
        elif word.lower() not in MISSING_WORDS:
            others.append(word)
    if not numbers:
        return None
    shown, among = (", ".join(map(repr, some[:3])) for some in (numbers, others))
    if not others:
        return (
            f"column {column.name!r} has texts that are numbers, such as {shown}, which are categories here: name it "
            "in data.numerical_columns if they are quantities, or in data.categorical_columns"
        )
    return (
        f"column {column.name!r} has numbers, such as {shown}, among words, such as {among}, and all are categories "
        "here: name it in data.categorical_columns if that is right; else name the words in data.missing_values, and "
        "the column in data.numerical_columns"
    )


def numbers_with_signs(column: Column, read: Read) -> str | None:
    """What to say of numbers that a sign of money or of shares makes words, and so categories; None of others."""
    if column.kind != "category" or read.words is None or len(read.words.words) < 3 or not with_signs(read.words.words):
        return None
    shown = ", ".join(map(repr, read.words.words[:3]))
    return (
        f"column {column.name!r} has numbers with a sign, such as {shown}, which are categories here: take the sign "
        "out of the file if they are quantities; or name it in data.categorical_columns"
    )


def all_different(column: Column, read: Read) -> str | None:
    """What to say of categories of which every one is in one row alone; None of others."""
    if column.kind != "category" or read.words is None or len(read.words.words) <= NAMES:
        return None
    if len(read.words.words) < int((read.words.codes >= 0).sum()):
        return None
    shown = ", ".join(map(repr, read.words.words[:3]))
    return (
        f"column {column.name!r} has another word in every row, such as {shown}, and they are categories here, which "
        "say nothing of new rows: name it in data.ignored_columns, or in data.text_columns, whose words are counted; "
        "or in data.categorical_columns if that is right"
    )


def sibling_file(path: Path) -> str | None:
    """The name of a file beside ``train.csv`` that is called as a validation file of it would be."""
    stem, suffix = path.name.partition(".")[0], path.name.partition(".")[2]
    if "train" not in stem.lower() or not path.is_file():
        return None
    for word in ("validation", "valid", "val", "dev"):
        for other in (stem.replace("train", word), stem.replace("Train", word.capitalize())):
            if other != stem and path.with_name(f"{other}.{suffix}").is_file():
                return f"{other}.{suffix}"
    return None
