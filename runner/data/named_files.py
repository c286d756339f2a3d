"""The files that a layout's ``data`` object names, on this disk or on the Hub, and how many of their rows are used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import StringConstraints

from runner.contract import option
from runner.data import hub_files
from runner.data.holdout import Holdout
from runner.data.text_files import TEXTS, TextFiles
from runner.workspace import absolute

DataPath = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[^\u0000-\u001f]+$")]


def most_samples(rows: str = "rows") -> Any:
    """The field ``max_samples`` of a layout whose rows are called so."""
    return option(None, ge=1, description=f"Use this many {rows}, drawn by their content.")


def most_samples_of_classes(rows: str = "rows") -> Any:
    """The same of rows that may have classes."""
    return option(
        None, ge=1, description=f"Use this many {rows}, drawn by their content; of classes, of each its share."
    )


def most_lost(rows: str = "rows") -> Any:
    """The field ``max_rows_lost`` of a layout whose rows are called so."""
    return option(0.5, ge=0, le=1, description=f"Fail where more than this share of the {rows} has to be left out.")


class NamedFiles(TextFiles, Holdout):
    """What is told of them before a run is made. A layout has the field ``dataset``."""

    dataset: str
    #: Names that stand for data that comes with the program, and for no file.
    PACKAGED: ClassVar[Sequence[str]] = ()
    #: Suffixes of files that the layout reads beside those that all read, with what they hold.
    ALSO_READ: ClassVar[Mapping[str, Any]] = {}

    @property
    def named_columns(self) -> list[str]:
        """Every column that the spec names and the data has to have."""
        raise NotImplementedError

    def containers(self, cwd: Path) -> set[str | None]:
        """What the files hold by their names; empty for packaged data.

        Raises for files that are not there or cannot be read, for no name of the Hub, and for a text file whose header
        lacks a column of the spec.
        """
        from runner.data.records.data_files import container_of, data_files

        found: set[str | None] = set()
        for path, pointer in self._hub_names():
            hub_files.hub_name(path, f"{pointer}: {path}")
            # What it holds is known once it is fetched.
            named = container_of(path, self.ALSO_READ)
            found |= {named} if named else TEXTS
        for path, pointer in self._paths():
            files, container = data_files(path, pointer, cwd, self.ALSO_READ)
            found.add(container)
            if container in ("csv", "tsv"):
                self._check_header(cwd / files[0])
        return found

    def _check_header(self, path: Path) -> None:
        """Raise :class:`DataError` for a column of the spec that a text file does not name."""
        from runner.data.column_names import need
        from runner.data.records import open_records

        records = open_records(path, encoding=self.encoding, delimiter=self.delimiter)
        need(records.columns or (), self.named_columns, f"{path}:1")

    def _paths(self) -> list[tuple[str, str]]:
        """The paths of files, each with the field that names it."""
        return [(path, pointer) for path, pointer in self._named() if not hub_files.is_hub_name(path)]

    def _hub_names(self) -> list[tuple[str, str]]:
        """The same of data sets of the Hub."""
        return [(path, pointer) for path, pointer in self._named() if hub_files.is_hub_name(path)]

    def _named(self) -> list[tuple[str, str]]:
        named = [] if self.dataset in self.PACKAGED else [(self.dataset, "/data/dataset")]
        return named + ([(self.validation_data, "/data/validation_data")] if self.validation_data is not None else [])

    def network_needed(self, cache: Path) -> bool:
        return any(hub_files.network_needed(path) for path, _ in self._hub_names())

    def local_files(self) -> list[Path]:
        from runner.data.records.data_files import data_files, is_pattern

        found: list[Path] = []
        for path, pointer in self._paths():
            found += (
                data_files(path, pointer, also=self.ALSO_READ)[0]
                if is_pattern(path)
                else [absolute(path, Path(), where=pointer)]
            )
        return found

    def resolved(self, cwd: Path) -> Self:
        places = {pointer.rpartition("/")[2]: absolute(path, cwd, where=pointer) for path, pointer in self._paths()}
        return self.model_copy(update={name: str(place) for name, place in places.items()}) if places else self
