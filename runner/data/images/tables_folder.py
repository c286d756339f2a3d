"""Where the pictures lie that a table's rows name: in its own folder, or in the one that ``data`` says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import StringConstraints

from runner.contract import option
from runner.data.named_files import NamedFiles
from runner.errors import NotFoundError
from runner.workspace import absolute

#: Ends of names of files that hold their pictures; where a Parquet's rows name them, `image_folder` says so.
WHOLE = (".parquet", ".arrow", ".feather", ".ipc", ".zip")
_Path = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\u0000-\u001f]+$")]


class PicturesOfTables(NamedFiles):
    """The base of layouts whose tables name pictures."""

    image_folder: _Path | None = option(
        None, description="Tables: the folder that paths of pictures count from. null: the table's own."
    )

    def check_folder(self, cwd: Path) -> None:
        """Raise :class:`NotFoundError` for a folder that is not there."""
        if self.image_folder is not None and not (cwd / self.image_folder).expanduser().is_dir():
            raise NotFoundError("there is no such folder", where=f"/data/image_folder: {self.image_folder}")

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
