"""Make the packaged pictures with boxes: 80 small pictures, each with up to three filled shapes on a grey ground.

usage: python examples/make_box_shapes.py runner/data/boxes/sample/shapes.parquet
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image, ImageDraw
from pyarrow import parquet

PICTURES, SEED = 80, 11
SIZE = (64, 48)
COLOURS = {"circle": (200, 40, 40), "square": (40, 70, 200)}


def drawn(rng: np.random.Generator) -> tuple[Image.Image, list[dict[str, Any]]]:
    """A picture and the shapes in it, which do not overlap; one in ten has none."""
    ground = int(rng.integers(180, 230))
    image = Image.new("RGB", SIZE, (ground,) * 3)
    pen = ImageDraw.Draw(image)
    objects: list[dict[str, Any]] = []
    for _ in range(0 if rng.random() < 0.1 else int(rng.integers(1, 4))):
        name = str(rng.choice(list(COLOURS)))
        side = int(rng.integers(10, 20))
        left, top = int(rng.integers(0, SIZE[0] - side)), int(rng.integers(0, SIZE[1] - side))
        box = [left, top, left + side, top + side]
        if any(
            box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in (o["bbox"] for o in objects)
        ):
            continue
        shade = int(rng.integers(-30, 30))
        colour = tuple(int(np.clip(part + shade, 0, 255)) for part in COLOURS[name])
        inner = (left, top, left + side - 1, top + side - 1)
        (pen.ellipse if name == "circle" else pen.rectangle)(inner, fill=colour)
        objects.append({"label": name, "bbox": box})
    return image, objects


def main() -> None:
    rng = np.random.default_rng(SEED)
    rows = []
    for at in range(PICTURES):
        image, objects = drawn(rng)
        data = io.BytesIO()
        image.save(data, "PNG", optimize=True)
        rows.append({"image": {"bytes": data.getvalue(), "path": f"shapes-{at:02d}.png"}, "objects": objects})
    parquet.write_table(pa.Table.from_pylist(rows), Path(sys.argv[1]), compression="zstd")


if __name__ == "__main__":
    main()
