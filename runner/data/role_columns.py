"""The columns of a layout's roles, where a spec names them: each has one role."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from runner.contract import Section


class RoleColumns(Section):
    """A base of sections whose fields are roles, and whose values are columns, or lists of them."""

    #: Roles whose values are no columns, and may be called as one is.
    NO_COLUMNS: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _each_its_own(self) -> Self:
        named = self.model_dump(exclude_none=True, exclude=set(self.NO_COLUMNS)).values()
        names = [name for value in named for name in (value if isinstance(value, list) else [value])]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise PydanticCustomError("own_column", "the column {name} has two roles", {"name": repr(twice)})
        return self
