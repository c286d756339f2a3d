"""Makes the packaged questions on pictures, ``runner/data/pictured_dialogues/sample/shapes.parquet``: from a seed.

    python benchmarks/samples/asked_shapes.py [PATH [PICTURES]]

60 pictures of 24 times 24 pixels, each a circle, a square or a triangle in one of four colours on white ground, of any
size and place. Two questions are asked of each: its colour, and its shape. The same bytes come out for a version of
Pillow; another may compress otherwise.
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

SIZE, PICTURES = 24, 60
COLOURS = {"red": (210, 30, 30), "green": (20, 160, 40), "blue": (30, 60, 210), "yellow": (235, 205, 20)}
SHAPES = ("circle", "square", "triangle")
PLACE = Path(__file__).parents[2] / "runner" / "data" / "pictured_dialogues" / "sample" / "shapes.parquet"


def drawn(shape: str, colour: str, rng: np.random.Generator) -> bytes:
    """One picture as PNG."""
    image = Image.new("RGB", (SIZE, SIZE), (255, 255, 255))
    half = int(rng.integers(5, 11))
    x, y = (int(value) for value in rng.integers(half, SIZE - half, 2))
    box, draw = (x - half, y - half, x + half, y + half), ImageDraw.Draw(image)
    if shape == "circle":
        draw.ellipse(box, fill=COLOURS[colour])
    elif shape == "square":
        draw.rectangle(box, fill=COLOURS[colour])
    else:
        draw.polygon([(x, y - half), (x - half, y + half), (x + half, y + half)], fill=COLOURS[colour])
    file = io.BytesIO()
    image.quantize(2).save(file, "PNG", optimize=True)
    return file.getvalue()


def rows(pictures: int, seed: int) -> list[dict[str, Any]]:
    """Two rows a picture: ``image``, ``question``, ``answer``."""
    rng, found = np.random.default_rng(seed), []
    for number in range(pictures):
        shape, colour = str(rng.choice(SHAPES)), str(rng.choice(list(COLOURS)))
        image = {"bytes": drawn(shape, colour, rng), "path": f"{number}.png"}
        found.append({"image": image, "question": "What colour is the shape?", "answer": colour})
        found.append({"image": image, "question": "What shape is it?", "answer": shape})
    return found


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else PLACE
    made = rows(int(sys.argv[2]) if len(sys.argv) > 2 else PICTURES, 11)
    parquet.write_table(pa.Table.from_pylist(made), path, compression="zstd")
    print(f"{len(made)} rows, {path.stat().st_size:,} bytes: {path}")


if __name__ == "__main__":
    main()
