"""Write pictures as folders, for the tutorial on pictures.

Run it as `python examples/sample_pictures.py FOLDER`. It writes, from the two packaged samples of drawn shapes,

- `shapes/circle`, `shapes/square`, `shapes/triangle`: 40 small pictures each, and a file that is cut off;
- `marked`: 80 pictures with up to three shapes, and `annotations.json`, which says in COCO's form where they are.
"""

import json
import sys
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from pyarrow import parquet


def packaged(name: str) -> list[dict[str, Any]]:
    """The rows of a packaged sample."""
    with as_file(files(f"runner.data.{name}") / "sample" / "shapes.parquet") as path:
        return parquet.read_table(path).to_pylist()


def write_shapes(folder: Path) -> int:
    """A folder for each class. Returns how many whole pictures there are."""
    rows = packaged("images")
    for row in rows:
        (folder / row["label"]).mkdir(parents=True, exist_ok=True)
        (folder / row["label"] / row["image"]["path"]).write_bytes(row["image"]["bytes"])
    data = rows[0]["image"]["bytes"]
    (folder / "square" / "upload-failed.png").write_bytes(data[: len(data) // 2])
    return len(rows)


def write_marked(folder: Path) -> int:
    """Pictures with their boxes, as COCO has them. Returns how many there are."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = packaged("boxes")
    classes = sorted({thing["label"] for row in rows for thing in row["objects"]})
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        (folder / row["image"]["path"]).write_bytes(row["image"]["bytes"])
        images.append({"id": number, "file_name": row["image"]["path"], "width": 64, "height": 48})
        for thing in row["objects"]:
            left, top, right, bottom = thing["bbox"]
            box = [left, top, right - left, bottom - top]
            own = {"id": len(annotations), "image_id": number, "category_id": classes.index(thing["label"])}
            annotations.append(own | {"bbox": box, "area": box[2] * box[3], "iscrowd": 0})
    categories = [{"id": number, "name": name} for number, name in enumerate(classes)]
    told = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(told), "utf-8")
    return len(rows)


def main() -> None:
    folder = Path(sys.argv[1])
    print(f"{write_shapes(folder / 'shapes')} shapes, {write_marked(folder / 'marked')} marked pictures")


if __name__ == "__main__":
    main()
