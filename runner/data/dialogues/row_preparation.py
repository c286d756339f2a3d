"""What layouts of rows do alike between reading them and giving two splits: draw, divide, tell of it, count, record."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.contract import DataReport, LoadContext
from runner.contract.quantities import counted
from runner.data.dialogues.train_and_holdout import divide, drawn
from runner.data.kept_rows import taken as some_of
from runner.data.table_rows.oddities import sibling_file
from runner.errors import DataError

if TYPE_CHECKING:
    from runner.data.dialogues.row_faults import RowFault
    from runner.data.holdout import Holdout

#: Says a sentence, and the field that it is of where that is not the data set.
Warn = Callable[..., None]
#: Why rows are not used: reason -> what was found -> the first row of it.
Details = dict[str, dict[str, int]]
#: Details that are told of each reason, and rows that a sentence names.
DETAILS, SHOWN = 3, 10


def warner(context: LoadContext) -> Warn:
    """What tells a sentence to those who follow the run, and keeps it in the report."""

    def warn(sentence: str, pointer: str = "/data/dataset") -> None:
        context.report.warnings.append(sentence)
        context.emit("warning", message=sentence, pointer=pointer)

    return warn


def tell_of_sibling(section: Holdout, source: str, warn: Warn) -> None:
    """Warn of a file that looks like rows to measure on, where the section names no way of holding rows out."""
    if not any(getattr(section, way) for way in section.WAYS) and (other := sibling_file(Path(source))):
        warn(f"{other} lies beside it and is not used", "/data/validation_data")


def side_column(section: Holdout) -> str | None:
    """The column that decides which side a row is on, where there is one."""
    return next((name for name in (section.split_column, section.group_column, section.time_column) if name), None)


def note_fault(details: Details, report: DataReport, line: int, fault: RowFault) -> None:
    """Count a row that cannot be used, and keep what was found in the first of its kind."""
    report.drop(fault.reason, [line])
    told = details.setdefault(fault.reason, {})
    if fault.detail and (fault.detail in told or len(told) < DETAILS):
        told.setdefault(fault.detail, line)


def faults_told(details: Details, unit: str) -> list[str]:
    """What was found in rows that are not used, each with the first of them."""
    return [f"{reason} ({unit} {line}: {detail})" for reason, told in details.items() for detail, line in told.items()]


def too_many_lost(report: DataReport, used: int, place: str, told: Sequence[str], rows: str = "rows") -> DataError:
    """What is said where rows of ``place`` are lost, more than may be, or all of them."""
    lost = report.rows_read - used
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in report.rows_dropped.items())
    return DataError(
        f"{lost:,} of {counted(report.rows_read, rows)} cannot be used: {reasons}",
        where="/data/max_rows_lost" if used else place,
        hint="; ".join([*told, "mend the rows"])
        + (", or allow it: data.max_rows_lost is the share that may be lost" if used else ""),
    )


def tell_repeats(
    lines: Sequence[int],
    keys: np.ndarray,
    report: DataReport,
    warn: Warn,
    how: str,
    unit: str,
    rows: str = "rows",
) -> None:
    """Warn of rows whose key (uint64 ``[n]``) is there before. ``how`` they are the same: ``word by word``."""
    before = np.ones(len(keys), bool)
    before[np.unique(keys, return_index=True)[1]] = False
    again = [lines[at] for at in np.flatnonzero(before).tolist()]
    if again:
        report.named["duplicates"] = again[: report.NAMED]
        many = f"{counted(len(again), rows)} {'is' if len(again) == 1 else 'are'}"
        warn(f"{many} there before, {how}, and used again: {unit} {first_of(again)}")


def first_of(lines: Sequence[int]) -> str:
    """The first ten rows, for a sentence."""
    return ", ".join(map(str, lines[:SHOWN])) + (", ..." if len(lines) > SHOWN else "")


def tell_shared(keys: np.ndarray, known: np.ndarray, path: str, warn: Warn, how: str) -> None:
    """Warn of rows of ``validation_data`` that training has too: their keys, uint64 ``[n]``, and those of training."""
    if shared := int(np.isin(keys, known).sum()):
        warn(
            f"{shared:,} of {counted(len(keys), 'rows')} of {path} {'is' if shared == 1 else 'are'} in the "
            f"training data too, {how}: what is measured on them says nothing of new rows",
            "/data/validation_data",
        )


def drawn_and_divided(
    section: Holdout,
    most: int | None,
    report: DataReport,
    *,
    lines: Sequence[int],
    content: np.ndarray,
    together: np.ndarray,
    cells: Sequence[Any],
    warn: Warn,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows that are drawn, and of these those of training and those held out: int64 each, ascending.

    ``content``, ``together``: uint64 ``[n]``, what a row says, and what rows have in common that stay on one side;
    ``cells``: of :func:`side_column`, none where there is no such column. Rows that are on no side are counted,
    and it is told where none is held out because all are equal. Raises what :func:`divide` raises.
    """
    taken = drawn(content, most, section.seed)
    report.drop("not_sampled", [lines[at] for at in np.setdiff1d(np.arange(len(content)), taken)])
    sides = divide(section, together[taken], content[taken], some_of(cells, taken) if len(cells) else [])
    if not len(sides.validation) and section.validation_data is None and section.validation_split:
        report.facts["held_out"] = "nothing: equal rows stay on one side, and all are equal"
        if len(taken) > 1:
            equal = f"all {len(taken):,} rows that can be used are equal, and equal rows stay on one side"
            warn(f"{equal}: nothing is held out, and nothing measured", "/data/validation_split")
    report.drop("test_rows", [lines[at] for at in taken[sides.test]])
    report.drop("missing_time", [lines[at] for at in taken[sides.without_time]])
    return taken, taken[sides.train], taken[sides.validation]


def row_counts(report: DataReport, train: Sized, validation: Sized) -> dict[str, Any]:
    """What a run's record says of rows, once all are dropped that are; the report says it too."""
    report.rows_kept = report.rows_read - sum(report.rows_dropped.values())
    return {
        "rows_read": report.rows_read,
        "rows_kept": report.rows_kept,
        "rows_dropped": dict(report.rows_dropped),
        "rows_changed": dict(report.rows_changed),
        **report.facts,
        "train": len(train),
        "validation": len(validation),
    }


def fingerprint(*sides: np.ndarray) -> str:
    """sha256 of what the rows of both sides say, in their order: uint64 ``[n]`` each."""
    told = hashlib.sha256()
    for side in sides:
        told.update(b"[" + np.ascontiguousarray(side, "<u8").tobytes())
    return told.hexdigest()
