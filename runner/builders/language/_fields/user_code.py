"""Code of a user's that a spec names: a file, or a module of an installed package. None stands in a spec."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import StringConstraints, model_validator

from runner.contract import Section, invalid, option

PythonName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*$", max_length=128)]


class UserCode(Section):
    """Where it is, and its checksum."""

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
