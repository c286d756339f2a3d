"""What a run's record says of a table: what its columns were taken for, its counts, and its fingerprint."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.contract import DataReport
from runner.data.table_rows.column_encoding import Columns
from runner.data.table_rows.table_side import TableSplit
from runner.data.table_rows.training_columns import Looked

if TYPE_CHECKING:
    from runner.data.table_rows.section import TableData


def facts(section: TableData, looked: Looked) -> dict[str, Any]:
    """What every column was taken for: names by kind, and why others are no input."""
    found: dict[str, Any] = {"target": list(section.targets)}
    for column in looked.columns:
        if column.name not in looked.left_out:
            found.setdefault(column.kind, []).append(column.name)
    return found | ({"left_out": dict(looked.left_out)} if looked.left_out else {})


def record_of(
    report: DataReport, looked: Looked, columns: Columns, train: TableSplit, validation: TableSplit
) -> dict[str, Any]:
    """What a run's record says of the rows, the columns and the targets."""
    return {
        "rows_read": report.rows_read,
        "rows_kept": report.rows_kept,
        "rows_dropped": dict(report.rows_dropped),
        "rows_changed": dict(report.rows_changed),
        "columns": {column.name: column.kind for column in columns.columns},
        "columns_left_out": looked.left_out,
        "features": len(columns.features),
        "targets": {
            name: {word: int((values == at).sum()) for at, word in enumerate(train.classes[name])}
            if train.classes[name]
            else {"min": float(values.min()), "max": float(values.max()), "mean": float(values.mean())}
            for name, values in train.targets.items()
        },
        "train": len(train),
        "validation": len(validation),
    }


def fingerprint(columns: Columns, train: TableSplit, validation: TableSplit) -> str:
    """sha256 of the numbers that both sides became."""
    told = hashlib.sha256(repr([column.name for column in columns.columns]).encode())
    for split in (train, validation):
        told.update(np.ascontiguousarray(split.matrix).tobytes())
        for name, values in sorted(split.targets.items()):
            told.update(repr((name, split.classes[name])).encode())
            told.update(np.ascontiguousarray(values).tobytes())
    return told.hexdigest()
