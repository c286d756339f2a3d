"""Tables as files, and loading them as a spec's data section does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from runner.contract import LoadContext, LoadedData, ModelSpec
from runner.data.table_rows.section import ClassesData, NumbersData

Load = Callable[..., LoadedData]


def load(path: object, target: Any = "y", *, classes: bool = True, **fields: Any) -> LoadedData:
    """A table's two splits and its report."""
    section = (ClassesData if classes else NumbersData)(dataset=str(path), target_columns=target, **fields)
    section.check(Path.cwd())
    return section.load(LoadContext(ModelSpec(model_type="tabular"), Path("cache"), lambda *_, **__: None))


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Path]:
    """Writes columns as a CSV file."""

    def write(columns: Mapping[str, Sequence[Any]], name: str = "table.csv", delimiter: str = ",") -> Path:
        import csv

        path = tmp_path / name
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        return path

    return write
