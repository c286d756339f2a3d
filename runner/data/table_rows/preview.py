"""The first rows of a table's training side, as words and numbers again."""

from __future__ import annotations

from typing import Any

from runner.contract import Table
from runner.data.table_rows.table_side import TableSplit


def preview(part: TableSplit, count: int) -> Table:
    """Inputs as the learner gets them, categories by their words, and the targets. None stands for a missing cell."""
    columns = part.columns
    features, sources = columns.features, columns.sources
    categorical = set(columns.categorical)
    shown = []
    for row in range(min(count, len(part))):
        cells: list[Any] = []
        for at, value in enumerate(part.matrix[row]):
            if value != value:
                cells.append(None)
            elif at in categorical:
                cells.append(columns.columns[sources[at]].categories[int(value)])
            elif offset := columns.columns[sources[at]].offset:
                cells.append(offset + (int(value) if float(value).is_integer() else float(str(value))))
            else:
                # The shortest text that is this float32: 39.1, not 39.099998.
                cells.append(float(str(value)))
        for name, values in part.targets.items():
            classes = part.classes.get(name)
            cells.append(classes[int(values[row])] if classes else float(values[row]))
        shown.append(cells)
    return Table("rows", "Training rows", [*features, *part.targets], shown)
