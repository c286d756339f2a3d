"""The input columns as training has them, and what becomes of those that say nothing there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from runner.contract import DataReport, LoadContext
from runner.data.table_rows import dates
from runner.data.table_rows.column_encoding import Column, Columns, Read
from runner.data.table_rows.float32_columns import offset_of
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.table_rows.section import TableData


@dataclass
class Told:
    """What is said of the data: in the report, and to who listens to the run."""

    report: DataReport
    context: LoadContext

    def warn(self, message: str, pointer: str = "/data") -> None:
        self.report.warnings.append(message)
        self.context.emit("warning", message=message, pointer=pointer)

    def changed(
        self, columns: Sequence[Mapping[str, np.ndarray]], lines: Callable[[np.ndarray], Sequence[int]]
    ) -> None:
        """Count the rows that any of several columns changes, each once. ``columns``: reason -> rows, by column."""
        for reason in dict.fromkeys(reason for column in columns for reason in column):
            rows = np.unique(np.concatenate([column[reason] for column in columns if reason in column]))
            self.report.change(reason, lines(rows))

    def lost(self) -> str:
        """The rows that are dropped by now and why, as the end of a sentence; nothing where none is."""
        reasons = self.report.lost()
        return f"; of {self.report.rows_read:,} rows these were dropped: {reasons}" if reasons else ""


@dataclass
class Looked:
    """The input columns of a file, and what became of the others."""

    columns: list[Column] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    #: Column -> why it is no input.
    left_out: dict[str, str] = field(default_factory=dict)


def _says_nothing(column: Column, read: Read, rows: np.ndarray) -> str | None:
    """Why nothing is learnt from a column's cells in rows of training: none has a value, or all have one."""
    part = read.take(rows)
    missing = part.missing
    if missing.all():
        return "has no value in the rows of training"
    if missing.any():
        return None
    if part.words is not None:
        same = (part.words.codes == part.words.codes[0]).all()
        return f"is {part.words.words[part.words.codes[0]]!r} in every row of training" if same else None
    if part.whole is not None:
        codes = np.unique(part.whole.codes)
        numbers = {part.whole.distinct[code] for code in codes}
        return f"is {numbers.pop()} in every row of training" if len(numbers) == 1 else None
    assert part.numbers is not None
    least = float(part.numbers[0])
    written: object = int(least) if least.is_integer() else least
    if column.kind == "date":
        written = dates.written(least)
    return f"is {written} in every row of training" if (part.numbers == least).all() else None


def need_columns_left(section: TableData, looked: Looked, kept: np.ndarray, told: Told) -> None:
    """Raise before rows are divided where no column would say anything, however they were."""
    nothing = {
        column.name: why
        for column, read in zip(looked.columns, looked.reads, strict=True)
        if (why := _says_nothing(column, read, kept))
    }
    # One row says nothing of its columns: then it is the rows that are too few.
    if len(nothing) == len(looked.columns) and (len(kept) > 1 or not nothing):
        raise _none_left(section, looked.left_out | nothing, told)


def _none_left(section: TableData, left_out: dict[str, str], told: Told) -> DataError:
    reasons = [f"{name!r} {why}" for name, why in left_out.items()]
    reasons += [f"{name!r} is in data.ignored_columns" for name in section.ignored_columns]
    for role in ("id_column", "split_column", "group_column"):
        name = getattr(section, role)
        reasons += [] if name is None else [f"{name!r} is data.{role}"]
    shown = "; ".join(reasons[:10]) + ("; ..." if len(reasons) > 10 else "")
    return DataError(
        f"no column is left to predict from{told.lost()}",
        where="/data/dataset",
        hint=shown or "there is no column but the target",
    )


def fitted_columns(section: TableData, looked: Looked, rows: np.ndarray, told: Told) -> Columns:
    """The columns with what training has of them; those that say nothing there are left out, and named."""
    fitted = []
    for at, (column, read) in enumerate(zip(looked.columns, looked.reads, strict=True)):
        if why := _says_nothing(column, read, rows):
            looked.left_out[column.name] = why
            told.warn(f"column {column.name!r} {why}: it is left out")
            continue
        missing = read.missing[rows]
        used = read.take(rows[~missing])
        if used.words is not None:
            if column.kind == "category":
                counts = np.bincount(used.words.codes, minlength=len(used.words.words))
                present = np.flatnonzero(counts)
                column = replace(
                    column,
                    categories=tuple(used.words.words[code] for code in present),
                    counts=tuple(int(counts[code]) for code in present),
                )
        else:
            assert used.numbers is not None
            column = replace(column, low=float(used.numbers.min()), high=float(used.numbers.max()))
            if column.kind == "number":
                column = _apart(column, used, told)
        looked.columns[at] = replace(column, missing=int(missing.sum()))
        fitted.append(looked.columns[at])
    if not fitted:
        raise _none_left(section, looked.left_out, told)
    return Columns(tuple(fitted))


def _apart(column: Column, used: Read, told: Told) -> Column:
    """A column of numbers with what has to be taken off them, so that a float32 tells them apart."""
    assert used.numbers is not None
    offset, distinct, merged = offset_of(used.numbers, used.whole)
    if merged:
        told.warn(
            f"column {column.name!r} has {distinct:,} distinct numbers, of which {merged:,} are not told apart: they "
            "lie closer together than the 7 digits of a float32 in their range; name it in data.categorical_columns "
            "or data.ignored_columns if they are codes"
        )
    return replace(column, offset=offset)
