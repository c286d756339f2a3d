"""Pictures with the boxes that were found drawn into them."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.store.files import cannot_write

#: A line's width, as a share of the picture's longer side.
LINE = 0.004


def draw(row: Any, boxes: Sequence[dict[str, Any]], folder: Path, classes: Sequence[str]) -> Path:
    """Write the picture of ``row`` as a PNG into a folder, below a name made of its own. A class has one colour."""
    from PIL import ImageDraw

    image = row.pictures.decoded(row.at)
    pen = ImageDraw.Draw(image)
    width = max(1, round(LINE * max(image.size)))
    for box in reversed(boxes):
        hue = classes.index(box["label"]) / max(len(classes), 1)
        colour = tuple(round(255 * each) for each in colorsys.hsv_to_rgb(hue, 0.9, 0.85))
        pen.rectangle(box["box"], outline=colour, width=width)
        words = f"{box['label']} {box['score']:.2f}"
        place = (box["box"][0], max(0.0, box["box"][1] - 11))
        pen.rectangle(pen.textbbox(place, words), fill=colour)
        pen.text(place, words, fill="white")
    # A name that leads nowhere else, whatever a table calls its pictures; its line keeps two of one name apart.
    name = re.sub(r"[^\w.-]+", "-", str(Path(str(row.id)).with_suffix(""))).strip(".-")[-100:] or "picture"
    path = folder / f"{row.line:05d}-{name}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        image.save(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    return path
