"""The ``data`` section of pictures: where they lie, what is said of them, and which are held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import StringConstraints

from runner.contract import LoadContext, LoadedData, Section, Table, option
from runner.data import hub_files
from runner.data.holdout import ColumnName, StratifiedHoldout
from runner.data.named_files import NamedFiles
from runner.data.text_files import TEXTS
from runner.errors import DataError, NotFoundError
from runner.workspace import absolute

_Path = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\u0000-\u001f]+$")]
Words = Annotated[str, StringConstraints(max_length=1024)]
SAMPLE = "sample"
#: Ends of names of files that hold their pictures; where a Parquet's rows name them, `image_folder` says so.
WHOLE = (".parquet", ".arrow", ".feather", ".ipc", ".zip")
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


class ImagesData(NamedFiles):
    """The fields that pictures with classes and with numbers share."""

    asked_rows: ClassVar[str] = "runner.data.images.infer_rows"
    layout: ClassVar[str] = "images"
    PACKAGED: ClassVar[Sequence[str]] = (SAMPLE,)
    kept: ClassVar[tuple[str, ...]] = ("columns",)
    predicts: ClassVar[Literal["classes", "numbers"]]
    #: The role of what is predicted.
    role: ClassVar[str]

    dataset: _Path = option(
        description="A folder of pictures, below a folder for each class and perhaps one for each side (train, "
        "validation, test); a .zip of such; a table (.csv, .tsv, .jsonl, .json, .parquet, .arrow) whose rows name or "
        "hold pictures; a data set of the Hub (hub:OWNER/NAME); or sample (packaged).",
        examples=["sample", "data/flowers", "data/train/metadata.csv", "hub:ylecun/mnist"],
    )
    image_folder: _Path | None = option(
        None, description="Tables: the folder that paths of pictures count from. null: the table's own."
    )
    missing_values: list[Words] = option(
        factory=list, description="Tables: words that mean that a picture has no label. An empty cell always does."
    )
    max_samples: int | None = option(
        None, ge=1, description="Use this many pictures, drawn by their content; of classes, of each its share."
    )
    max_rows_lost: float = option(
        0.5, ge=0, le=1, description="Fail where more than this share of the pictures has to be left out."
    )

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

    @property
    def own_columns(self) -> dict[str, str]:
        """The columns that the spec names, by their roles."""
        columns = getattr(self, "columns", None)
        return {} if columns is None else columns.model_dump(exclude_none=True)

    @property
    def named_columns(self) -> list[str]:
        ways = [getattr(self, way) for way in self.WAYS if way.endswith("_column")]
        return list(dict.fromkeys([*self.own_columns.values(), *(name for name in ways if name is not None)]))

    @property
    def source(self) -> str:
        """The path or name of the data: of the sample, its file's path."""
        if self.dataset != SAMPLE:
            return self.dataset
        return str(Path(__file__).with_name("sample") / "shapes.parquet")

    def check(self, cwd: Path) -> None:
        from runner.data.records.data_files import container_of

        self.refuse_without_effect()
        found: set[str | None] = set()
        for path, pointer in self._hub_names():
            hub_files.hub_name(path, f"{pointer}: {path}")
            found |= {container_of(path)} if container_of(path) else TEXTS
        for path, pointer in self._paths():
            found |= self._containers_of(path, pointer, cwd)
        if self.image_folder is not None:
            if not (cwd / self.image_folder).expanduser().is_dir():
                raise NotFoundError("there is no such folder", where=f"/data/image_folder: {self.image_folder}")
            if found <= {"zip", "pictures"}:
                raise DataError(
                    "has no effect: no table names pictures", where="/data/image_folder", hint="take it out"
                )
        self.check_text(found or {"parquet"}, "" if found else "the packaged sample")

    def _containers_of(self, path: str, pointer: str, cwd: Path) -> set[str | None]:
        """What one path holds, by names alone. Raises for what is not there or cannot be read."""
        from runner.data.images.picture_tree import glance
        from runner.data.records.data_files import data_files, refuse_url

        where = f"{pointer}: {path}"
        refuse_url(path, where)
        place = (cwd / path).expanduser()
        if place.is_dir():
            pictures, tables = glance(place)
            if pictures:
                return {"pictures", *tables}
        elif place.suffix.lower() == ".zip" and place.is_file():
            return {"zip"}
        files, container = data_files(path, pointer, cwd)
        if container in ("csv", "tsv"):
            self._check_header(cwd / files[0])
        return {container}

    def local_files(self) -> list[Path]:
        """The files and folders that are read: of a table its whole folder, where its pictures lie."""
        from runner.data.records.data_files import data_files, is_pattern

        found: list[Path] = []
        for path, pointer in self._paths():
            for place in data_files(path, pointer)[0] if is_pattern(path) else [absolute(path, Path(), where=pointer)]:
                whole = place.name.lower().removesuffix(".gz").endswith(WHOLE) or self.image_folder is not None
                found.append(place if whole or place.is_dir() else place.parent)
        found += [absolute(self.image_folder, Path(), where="/data/image_folder")] if self.image_folder else []
        return list(dict.fromkeys(found))

    def resolved(self, cwd: Path) -> Self:
        found = super().resolved(cwd)
        if self.image_folder is None:
            return found
        return found.model_copy(
            update={"image_folder": str(absolute(self.image_folder, cwd, where="/data/image_folder"))}
        )

    @classmethod
    def asked_words(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {name: data.get(name) for name in ("columns", "encoding", "delimiter")}

    @classmethod
    def document_of(cls, path: str, columns: Mapping[str, Any]) -> dict[str, Any]:
        own = super().roles()
        return super().document_of(
            path, {role if role in own else SYNONYMS.get(role, role): name for role, name in columns.items()}
        )

    @classmethod
    def roles(cls) -> dict[str, str]:
        """The layout's own, then what other programs call them."""
        own = super().roles()
        return own | {
            word: f"The same as {role}." for word, role in SYNONYMS.items() if role in own and word not in own
        }


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
