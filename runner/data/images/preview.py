"""The first pictures of training: their names and sizes, and what they are."""

from __future__ import annotations

from typing import Any

from runner.contract import Table
from runner.data.images.picture_side import PictureSplit


def preview(part: PictureSplit, count: int) -> Table:
    """One row a picture: its name, its width and height once it is turned, and its class or number."""
    shown = []
    for at in range(min(count, len(part))):
        width, height = part.pictures.decoded(at).size
        cells: list[Any] = [part.pictures.names[at], width, height]
        for name, values in part.targets.items():
            classes = part.classes[name]
            cells.append(classes[int(values[at])] if classes else float(values[at]))
        shown.append(cells)
    return Table("rows", "Training pictures", ["picture", "width", "height", *part.targets], shown)
