"""The ``data`` section of pictures with boxes: where they lie, how boxes are written, and which are held out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from runner.contract import LoadContext, LoadedData, Section, Table, option
from runner.data.boxes.form_names import Corners, Unit
from runner.data.holdout import ColumnName
from runner.data.images.section import ImagesData, Words
from runner.data.named_files import most_samples

#: Words for a role that other programs use.
SYNONYMS = {
    "file_name": "image", "picture": "image", "bbox": "boxes", "objects": "boxes", "bboxes": "boxes",
    "category": "labels", "label": "labels", "classes": "labels", "categories": "labels", "target": "labels",
}  # fmt: skip


class BoxColumns(Section):
    """The columns of a table of pictures, where they are called otherwise than usual."""

    image: ColumnName | None = option(
        None, description="The picture: a path from the table's folder, bytes, a struct of bytes and path, or base64."
    )
    boxes: ColumnName | None = option(
        None, description="Its boxes, or the objects that have boxes; objects.bbox names what lies in a column."
    )
    labels: ColumnName | None = option(None, description="The classes of its boxes, in their order.")


class BoxesData(ImagesData):
    """The ``data`` object of pictures with boxes."""

    layout: ClassVar[str] = "boxes"
    predicts: ClassVar[Literal["classes", "numbers"]] = "numbers"
    role: ClassVar[str] = "boxes"
    kept: ClassVar[tuple[str, ...]] = ("columns", "class_names")
    other_names: ClassVar[Mapping[str, str]] = SYNONYMS
    sample: ClassVar[Path] = Path(__file__).with_name("sample") / "shapes.parquet"

    columns: BoxColumns | None = option(
        None, description="A table's columns that are called otherwise than usual: image, boxes, labels."
    )
    box_format: Corners | None = option(
        None,
        description="What the four numbers are: two corners, a corner and a size, or a centre and a size. null: as the "
        "annotations' kind or their names say, else what fits into the pictures, refused where several do.",
    )
    box_unit: Unit | None = option(
        None, description="Their unit: pixels, or shares of the picture from 0 to 1. null: likewise."
    )
    class_names: list[Words] | None = option(
        None,
        description="The classes in their order, boxes of others are left out; labels that are numbers are their "
        "places from 0. null: as found.",
    )
    max_samples: int | None = most_samples("pictures")

    def load(self, context: LoadContext) -> LoadedData:
        """Read, look at every picture, drop, draw, split: train and validation are
        :class:`~runner.data.boxes.box_side.BoxSplit`.

        Raises :class:`DataError` for what is not there, and where too few pictures or boxes can be used.
        """
        from runner.data.boxes.prepared import prepare

        return prepare(self, context)

    def preview(self, loaded: LoadedData, rows: int) -> Table:
        from runner.data.boxes.preview import preview

        return preview(loaded.train, rows)

    @property
    def named_columns(self) -> list[str]:
        """Every column that the spec names: of a dotted name, the one that it lies in."""
        return list(dict.fromkeys(name.partition(".")[0] for name in super().named_columns))

    def _containers_of(self, path: str, pointer: str, cwd: Path) -> set[str | None]:
        place = (cwd / path).expanduser()
        if place.suffix.lower() in (".yaml", ".yml") and place.is_file():
            return {"pictures"}
        return super()._containers_of(path, pointer, cwd)
