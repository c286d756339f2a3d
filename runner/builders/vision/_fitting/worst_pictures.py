"""The held-out pictures that a model errs on most, small enough for a page."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np

from runner.contract import Table
from runner.data.images.picture_places import Pictures

#: Pictures of the table, and the longest side and quality of each.
SHOWN, SIDE, QUALITY = 20, 72, 70


def worst_pictures(pictures: Pictures, error: np.ndarray, columns: dict[str, list[Any]], title: str) -> Table | None:
    """The pictures with the greatest errors, the greatest first; None where there is no error. ``error``: ``[n]``."""
    order = [int(at) for at in np.argsort(-error, kind="stable")[:SHOWN] if error[at] > 0]
    if not order:
        return None
    rows = [
        [thumbnail(pictures.decoded(at)), pictures.names[at], *(column[at] for column in columns.values())]
        for at in order
    ]
    decimals = dict.fromkeys(("its probability", "that of the true"), 3)
    names = ["picture", "name", *columns]
    return Table("worst_pictures", title, names, rows, decimals={name: decimals.get(name) for name in names})


def thumbnail(image: Any) -> str:
    """A small copy as a ``data:`` URL."""
    image.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
