"""Which rows of texts are drawn, trained on and held out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from runner.contract import departs
from runner.contract.quantities import counted
from runner.data import holdout
from runner.errors import DataError

_NONE = np.zeros(0, np.int64)


@dataclass
class Sides:
    """Indices of the used rows: int64 each."""

    train: np.ndarray
    validation: np.ndarray
    #: Rows that a split column keeps for a test, and rows without a time.
    test: np.ndarray = field(default_factory=lambda: _NONE)
    without_time: np.ndarray = field(default_factory=lambda: _NONE)


def drawn(content: np.ndarray, count: int | None, seed: int) -> np.ndarray:
    """Indices of ``count`` rows, drawn by their content, in their order; of all where there are no more."""
    if count is None or count >= len(content):
        return np.arange(len(content))
    return np.sort(holdout.order(content, seed)[:count])


def divide(
    section: holdout.Holdout,
    prompt: np.ndarray,
    content: np.ndarray,
    cells: Sequence[Any],
) -> Sides:
    """The split that the section asks for. ``prompt``, ``content``: uint64 ``[n]``; ``cells``: of its column.

    Nothing is held out where all rows are equal and the spec names no share. Raises
    :class:`DataError` where one side would be empty.
    """
    everything = np.arange(len(prompt))
    if section.validation_data is not None:
        return Sides(everything, _NONE)
    if section.split_column is not None:
        return _by_column(section.split_column, cells)
    if section.time_column is not None:
        return _by_time(section.time_column, cells, section.validation_split)
    if section.validation_split == 0:
        return Sides(everything, _NONE)
    if section.group_column is not None:
        # Rows without a group are one group.
        prompt = np.array([holdout.text_key("" if cell is None else f"={cell}") for cell in cells], np.uint64)
    elif len(np.unique(prompt)) < 2 <= len(np.unique(content)):
        # All ask the same: then they are told apart by all that they say.
        prompt = content
    try:
        mask = holdout.by_share(prompt, section.validation_split, section.seed).mask
    except ValueError:
        if section.group_column is None and not departs(section, "validation_split"):
            return Sides(everything, _NONE)
        raise DataError(
            counted(len(prompt), "rows") + " cannot be divided into rows of training and rows held out",
            where="/data/validation_split",
            hint="rows that ask the same, and rows of one group, stay on one side; set validation_split to 0, or use "
            "more data",
        ) from None
    return Sides(np.flatnonzero(~mask), np.flatnonzero(mask))


def _by_column(name: str, cells: Sequence[Any]) -> Sides:
    train, validation, unknown = holdout.by_words([None if cell is None else str(cell) for cell in cells])
    if unknown:
        word = next(iter(unknown))
        raise DataError(
            f"column {name!r} has " + (f"{word!r}, which is no side of a split" if word else "an empty cell"),
            where="/data/split_column",
            hint="it says train, validation or test of each row",
        )
    for side, what in ((train, "train"), (validation, "validation")):
        if not side.any():
            raise DataError(
                f"column {name!r} says {what} of no row that can be used", where="/data/split_column",
                hint=holdout.other_side(int(train.sum()), int(validation.sum()), int((~(train | validation)).sum())),
            )  # fmt: skip
    return Sides(np.flatnonzero(train), np.flatnonzero(validation), np.flatnonzero(~(train | validation)))


def _by_time(name: str, cells: Sequence[Any], share: float) -> Sides:
    times = np.array([_moment(cell, name) for cell in cells])
    known = np.flatnonzero(~np.isnan(times))
    try:
        mask = holdout.by_time(times[known], share).mask
    except ValueError:
        raise DataError(f"column {name!r} has one value only", where="/data/time_column") from None
    return Sides(known[~mask], known[mask], without_time=np.flatnonzero(np.isnan(times)))


def _moment(cell: Any, name: str) -> float:
    """A number, or the seconds of a date; NaN for an empty cell."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return math.nan
    if isinstance(cell, datetime):
        return _seconds(cell)
    try:
        return float(cell)
    except (TypeError, ValueError):
        pass
    try:
        return _seconds(datetime.fromisoformat(str(cell).strip()))
    except ValueError:
        raise DataError(
            f"column {name!r} has {cell!r}, which is neither a number nor a date",
            where="/data/time_column",
            hint="dates are written as 2026-03-31, or 2026-03-31T12:30:00",
        ) from None


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
