"""The first pictures of training: their names and sizes, and the boxes in them."""

from __future__ import annotations

from runner.contract import Table
from runner.data.boxes.box_side import BoxSplit

#: Boxes of a picture that are told one by one.
SHOWN = 5


def preview(part: BoxSplit, count: int) -> Table:
    """One row a picture: its name, width, height, number of boxes, and the first of them in pixels."""
    shown = []
    for at in range(min(count, len(part))):
        width, height = part.sizes[at].tolist()
        own = part.boxes[at]
        words = [
            f"{part.classes[code]} {', '.join(f'{number:g}' for number in corners)}"
            for code, corners in zip(own.labels[:SHOWN].tolist(), own.corners[:SHOWN].round(1).tolist(), strict=True)
        ]
        told = "; ".join(words) + ("; ..." if len(own) > SHOWN else "")
        shown.append([part.pictures.names[at], width, height, len(own), told])
    return Table(
        "rows", "Training pictures", ["picture", "width", "height", "boxes", "left, top, right, bottom"], shown
    )
