"""What a data set could train: its columns, looked at, and the kinds that would read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: So many rows tell what the columns hold.
SAMPLED = 50


@dataclass(frozen=True)
class Column:
    """One column: what is in it, and some of its values."""

    name: str
    kind: str
    samples: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Proposed:
    """A kind that could be trained on the data, with the column of each role, and why."""

    kind: str
    columns: Mapping[str, Any] = field(default_factory=dict)
    split: Mapping[str, Any] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Looked:
    """What was seen in the data."""

    container: str
    columns: tuple[Column, ...]
    rows: int | None
    families: tuple[Proposed, ...] = ()


def look(path: str, folder: Path) -> Looked:
    """Read the names of the columns, some rows, and count them. Raises the errors of reading."""
    from runner.data.records import open_records
    from runner.workspace import absolute

    records = open_records(absolute(path, folder, where="/data/dataset"))
    samples: dict[str, list[Any]] = {name: [] for name in records.columns or ()}
    rows = 0
    for batch in records.batches():
        if rows < SAMPLED:
            for row in batch.rows[: SAMPLED - rows]:
                for name, value in row.items():
                    samples.setdefault(name, []).append(value)
        rows += len(batch.numbers)
    columns = tuple(Column(name, _kind(values), tuple(values[:3])) for name, values in samples.items())
    return Looked(records.container, columns, rows)


def _kind(values: list[Any]) -> str:
    def number(value: Any) -> bool:
        try:
            float(value)
        except (TypeError, ValueError):
            return False
        return True

    told = [value for value in values if value not in (None, "")]
    if not told:
        return "empty"
    if any(isinstance(value, list | dict) for value in told):
        return "nested"
    return "numbers" if all(number(value) for value in told) else "text"
