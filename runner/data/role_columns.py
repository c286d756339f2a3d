"""The columns of a layout's roles, where a spec names them: each has one role."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from runner.contract import Section


class RoleColumns(Section):
    """A base of sections whose fields are roles, and whose values are columns."""

    @model_validator(mode="after")
    def _each_its_own(self) -> Self:
        names = list(self.model_dump(exclude_none=True).values())
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise PydanticCustomError("own_column", "the column {name} has two roles", {"name": repr(twice)})
        return self
