"""The ``data`` section of files whose columns have roles: what layouts share that have ``data.columns``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from runner.contract import option
from runner.data.named_files import NamedFiles

#: The name of the data that comes with the program.
SAMPLE = "sample"


def column(meaning: str) -> Any:
    """The column of a role, found by its own name and its usual other ones unless it is said."""
    return option(None, description=meaning)


class RoleFiles(NamedFiles):
    """A layout has the field ``columns``, a :class:`~runner.data.role_columns.RoleColumns`."""

    PACKAGED: ClassVar[Sequence[str]] = (SAMPLE,)
    #: Words for a role beside the layout's own, as ``runner data check --columns`` takes them.
    other_names: ClassVar[Mapping[str, str]] = {}
    #: Roles whose values are keys within a cell, and no columns.
    keys_of_cells: ClassVar[Sequence[str]] = ()
    #: The file of :data:`SAMPLE`.
    sample: ClassVar[Path]

    def check(self, cwd: Path) -> None:
        self.refuse_without_effect()
        self.check_text(self.containers(cwd) or {"jsonl"})

    @property
    def own_columns(self) -> dict[str, str]:
        """The columns that the spec names, by their roles."""
        columns = getattr(self, "columns", None)
        return {} if columns is None else columns.model_dump(exclude_none=True)

    @property
    def named_columns(self) -> list[str]:
        own = [name for role, name in self.own_columns.items() if role not in self.keys_of_cells]
        ways = [getattr(self, way) for way in self.WAYS if way.endswith("_column")]
        return list(dict.fromkeys([*own, *(name for name in ways if name is not None)]))

    @property
    def source(self) -> str:
        """The path or name of the data: of the sample, its file's path."""
        return str(self.sample) if self.dataset == SAMPLE else self.dataset

    @classmethod
    def asked_words(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {name: data.get(name) for name in ("columns", "encoding", "delimiter")}

    @classmethod
    def document_of(cls, path: str, columns: Mapping[str, Any]) -> dict[str, Any]:
        own = super().roles()
        return super().document_of(
            path, {role if role in own else cls.other_names.get(role, role): name for role, name in columns.items()}
        )

    @classmethod
    def roles(cls) -> dict[str, str]:
        """The layout's own, then what other programs call them."""
        own = super().roles()
        others = {word: f"The same as {role}." for word, role in cls.other_names.items() if role in own}
        return own | {word: told for word, told in others.items() if word not in own}
