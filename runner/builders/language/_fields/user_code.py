"""Code of a user's that a spec names: a file, or a module of an installed package. None stands in a spec."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import StringConstraints, model_validator

from runner import near_names
from runner.builders.language._fields.imported_modules import is_there, missing
from runner.builders.language._fields.source_names import Unreadable, names_in
from runner.contract import Section, invalid, option
from runner.errors import DataError
from runner.workspace import absolute

PythonName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*$", max_length=128)]


def need_content(source: bytes, path: Path, wanted: str | None, place: str) -> str:
    """The checksum of what a file has. Raises :class:`DataError` where another one is ``wanted``."""
    found = hashlib.sha256(source).hexdigest()
    if wanted is not None and wanted != found:
        raise DataError(
            f"{path} is not the file that it was: its checksum is {found}",
            where=f"{place}/sha256",
            hint="bring the file back, or begin another run with the new one",
        )
    return found


class UserCode(Section):
    """Where it is, and its checksum."""

    #: The field that says what is needed of it: a name, or a list of names.
    naming: ClassVar[str]

    file: Annotated[str, StringConstraints(pattern=r"\.py$", max_length=4096)] | None = option(
        None, file=".py", description="The Python file that has it. It is run: name files that you trust."
    )
    module: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$", max_length=256)] | None = (
        option(None, description="The module of an installed package that has it, in place of a file.")
    )
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = option(
        None,
        description="The checksum of the file that has it: another one is refused. Of a file, null takes the one that "
        "it has when the run is made, and the run keeps it.",
    )

    @model_validator(mode="after")
    def _from_one_place(self) -> Self:
        if (self.file is None) == (self.module is None):
            raise invalid(("file",), "needed", "code is in a file or in a module: name one of the two")
        return self

    def check_code(self, place: str, cwd: Path) -> None:
        """Read the file, which counts from ``cwd``, and run nothing of it. A module is looked for where the run is.

        Raises :class:`DataError` by the section's pointer, ``place``, for another file than the checksum says, a text
        that Python does not take, and one that has no such name.
        """
        if self.file is None:
            return
        path = absolute(self.file, cwd)
        need_content(path.read_bytes(), path, self.sha256, place)
        try:
            there = names_in(path)
        except Unreadable as error:
            raise DataError(f"it cannot be read: {error}", where=f"{place}/file") from None
        field, value = self.naming, getattr(self, self.naming)
        for name in value if isinstance(value, list) else [value]:
            if there is not None and name not in there:
                has = ", ".join(sorted(name for name in there if not name.startswith("_"))) or "no name"
                raise DataError(
                    f"{path} has no {field.removesuffix('s').partition('_')[0]} {name!r}",
                    where=f"{place}/{field}",
                    hint=near_names.hint(name, there, f"the file has {has}"),
                )

    def check_modules(self, place: str, cwd: Path) -> None:
        """Look for the module, or for those that the file imports, as a run in ``cwd`` by this Python does.

        Raises :class:`DataError` by the section's pointer, ``place``, for one that is not there.
        """
        hint = "install what has it where the run is"
        if self.module is not None and not is_there(self.module, cwd):
            raise DataError(f"there is no module {self.module}", where=f"{place}/module", hint=hint)
        if self.file is None:
            return
        for line, name in missing(absolute(self.file, cwd), cwd):
            if name.startswith("."):
                told, hint = f"{name} is of a package, and the file is of none", "import it by its whole name"
            else:
                told = f"there is no module {name}"
            raise DataError(f"{self.file}:{line}: {told}", where=f"{place}/file", hint=hint)
