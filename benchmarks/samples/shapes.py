"""Makes the packaged data set of pictures, ``runner/data/images/sample/shapes.parquet``: drawn shapes, from a seed.

    python benchmarks/samples/shapes.py [PATH]

120 pictures of 24 times 24 pixels: a circle, a square or a triangle, of any size, place and colour, on paler ground.
``label`` is the shape, ``target`` the share of the picture that it covers. The same bytes come out for a version of
Pillow; another may compress otherwise.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image, ImageDraw
from pyarrow import parquet

SIZE, EACH, SHAPES = 24, 40, ("circle", "square", "triangle")
PLACE = Path(__file__).parents[2] / "runner" / "data" / "images" / "sample" / "shapes.parquet"


def drawn(shape: str, rng: np.random.Generator) -> tuple[bytes, float]:
    """One picture as PNG, and the share of it that the shape covers."""
    ground = tuple(int(value) for value in rng.integers(190, 256, 3))
    colour = tuple(int(value) for value in rng.integers(0, 140, 3))
    image = Image.new("RGB", (SIZE, SIZE), ground)
    half = int(rng.integers(4, 11))
    x, y = (int(value) for value in rng.integers(half, SIZE - half, 2))
    box = (x - half, y - half, x + half, y + half)
    draw = ImageDraw.Draw(image)
    if shape == "circle":
        draw.ellipse(box, fill=colour)
    elif shape == "square":
        draw.rectangle(box, fill=colour)
    else:
        draw.polygon([(x, y - half), (x - half, y + half), (x + half, y + half)], fill=colour)
    covered = float((np.asarray(image) != ground).any(axis=2).mean())
    file = io.BytesIO()
    image.quantize(2).save(file, "PNG", optimize=True)
    return file.getvalue(), round(covered, 4)


def main() -> None:
    rng = np.random.default_rng(7)
    rows = []
    for number in range(EACH):
        for shape in SHAPES:
            data, covered = drawn(shape, rng)
            image = {"bytes": data, "path": f"{shape}-{number}.png"}
            rows.append({"image": image, "label": shape, "target": covered})
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else PLACE
    parquet.write_table(pa.Table.from_pylist(rows), path, compression="zstd")
    print(f"{len(rows)} pictures, {path.stat().st_size:,} bytes: {path}")


if __name__ == "__main__":
    main()
