"""The ``data`` section of pictures: where they lie, what is said of them, and which are held out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import StringConstraints

from runner.contract import LoadContext, LoadedData, Section, Table, option
from runner.data import hub_files
from runner.data.holdout import ColumnName, StratifiedHoldout
from runner.data.images.tables_folder import PicturesOfTables
from runner.data.named_files import DataPath, most_lost, most_samples_of_classes
from runner.data.role_files import RoleFiles
from runner.data.text_files import TEXTS
from runner.errors import DataError

Words = Annotated[str, StringConstraints(max_length=1024)]
#: Words for a role that other programs use.
SYNONYMS = {"target": "label", "label": "target", "file_name": "image", "picture": "image"}


class LabelColumns(Section):
    """The columns of a table of pictures, where they are called otherwise than usual."""

    image: ColumnName | None = option(
        None, description="The picture: a path from the table's folder, bytes, a struct of bytes and path, or base64."
    )
    label: ColumnName | None = option(None, description="Its class.")


class TargetColumns(Section):
    """The same of pictures with numbers."""

    image: ColumnName | None = option(
        None, description="The picture: a path from the table's folder, bytes, a struct of bytes and path, or base64."
    )
    target: ColumnName | None = option(None, description="Its number.")


class ImagesData(PicturesOfTables, RoleFiles):
    """The fields that pictures with classes and with numbers share."""

    asked_rows: ClassVar[str] = "runner.data.images.infer_rows"
    asked_file: ClassVar[str | None] = "pictures"
    layout: ClassVar[str] = "images"
    other_names: ClassVar[Mapping[str, str]] = SYNONYMS
    sample: ClassVar[Path] = Path(__file__).with_name("sample") / "shapes.parquet"
    kept: ClassVar[tuple[str, ...]] = ("columns",)
    predicts: ClassVar[Literal["classes", "numbers"]]
    #: The role of what is predicted.
    role: ClassVar[str]

    dataset: DataPath = option(
        description="A folder of pictures, below a folder for each class and perhaps one for each side (train, "
        "validation, test); a .zip of such; a table (.csv, .tsv, .jsonl, .json, .parquet, .arrow) whose rows name or "
        "hold pictures; a data set of the Hub (hub:OWNER/NAME); or sample (packaged).",
        examples=["sample", "data/flowers", "data/train/metadata.csv", "hub:ylecun/mnist"],
    )
    missing_values: list[Words] = option(
        factory=list, description="Tables: words that mean that a picture has no label. An empty cell always does."
    )
    max_samples: int | None = most_samples_of_classes("pictures")
    max_rows_lost: float = most_lost("pictures")

    def load(self, context: LoadContext) -> LoadedData:
        """Read, look at every picture, drop, draw, split: train and validation are
        :class:`~runner.data.images.picture_side.PictureSplit`.

        Raises :class:`DataError` for what is not there, and where too few pictures can be used.
        """
        from runner.data.images.prepared import prepare

        return prepare(self, context)

    def row_keys(self, part: Any) -> set[int]:
        """The pictures of a split by their bytes."""
        return set(part.keys.tolist())

    def preview(self, loaded: LoadedData, rows: int) -> Table:
        from runner.data.images.preview import preview

        return preview(loaded.train, rows)

    def check(self, cwd: Path) -> None:
        from runner.data.records.data_files import container_of

        self.refuse_without_effect()
        found: set[str | None] = set()
        for path, pointer in self._hub_names():
            hub_files.hub_name(path, f"{pointer}: {path}")
            found |= {container_of(path)} if container_of(path) else TEXTS
        for path, pointer in self._paths():
            found |= self._containers_of(path, pointer, cwd)
        self.check_folder(cwd)
        if self.image_folder is not None and found <= {"zip", "pictures"}:
            raise DataError("has no effect: no table names pictures", where="/data/image_folder", hint="take it out")
        self.check_text(found or {"parquet"}, "" if found else "the packaged sample")

    def _containers_of(self, path: str, pointer: str, cwd: Path) -> set[str | None]:
        """What one path holds, by names alone. Raises for what is not there or cannot be read."""
        from runner.data.images.picture_tree import glance
        from runner.data.images.pictures import SUFFIXES
        from runner.data.records.data_files import data_files, refuse_url

        where = f"{pointer}: {path}"
        refuse_url(path, where)
        place = (cwd / path).expanduser()
        if place.is_dir():
            pictures, tables = glance(place)
            if pictures:
                return {"pictures", *tables}
            if not tables:
                raise DataError(
                    "there is no picture in the folder, and no table of pictures",
                    where=where,
                    hint="pictures are read by these names: " + ", ".join(sorted(f"*{suffix}" for suffix in SUFFIXES)),
                )
        elif place.suffix.lower() == ".zip" and place.is_file():
            return {"zip"}
        files, container = data_files(path, pointer, cwd)
        if container in ("csv", "tsv"):
            self._check_header(cwd / files[0])
        return {container}


class ClassImages(StratifiedHoldout, ImagesData):
    """The ``data`` object of pictures of classes."""

    predicts: ClassVar[Literal["classes", "numbers"]] = "classes"
    role: ClassVar[str] = "label"

    columns: LabelColumns | None = option(
        None, description="A table's columns that are called otherwise than usual: image, label."
    )


class NumberImages(ImagesData):
    """The ``data`` object of pictures with numbers."""

    predicts: ClassVar[Literal["classes", "numbers"]] = "numbers"
    role: ClassVar[str] = "target"

    columns: TargetColumns | None = option(
        None, description="A table's columns that are called otherwise than usual: image, target."
    )
    decimal: Literal[".", ","] = option(".", description="What stands before the fraction of a number in a text file.")

    def need_learnable(self, loaded: LoadedData) -> None:
        """Raise :class:`DataError` where every row of training has the same number."""
        from runner.data.table_rows.targets import need_different_numbers

        need_different_numbers(loaded.train.targets)
