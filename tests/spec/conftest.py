"""A tiny kind of the tests' own, beside the built-in ones: it has every odd thing a Spec may have."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import Field

from runner import registry
from runner.contract import DataSection, ModelSpec, Section, option
from runner.spec import json_schemas


class Rows(DataSection):
    path: str = option(description="Where the rows are.", min_length=1)
    share: float = option(0.5, ge=0, le=1, older=("ratio",), description="How many of them.")


class Small(Section):
    size: Literal["small"] = option("small", description="A tag with a default.")
    width: int = option(3, ge=1, older=("w", "wide"), description="A number.")


class Large(Section):
    size: Literal["large"] = option("large", description="A tag with a default.")
    depth: int = option(older=("layers",), ge=1, description="A number that has to be there.")
    dense: bool = option(
        True, older={"bits": {4: True, 8: False}, "packed": {}}, description="A switch that once was a number."
    )


class Spec(ModelSpec):
    """A kind of the tests' own."""

    uses_batch_size: ClassVar[bool] = False
    data: ClassVar[type[DataSection]] = Rows
    model_type: Literal["tiny"] = option(description="This kind.")
    shape: Annotated[Small | Large, Field(discriminator="size")] = option(
        factory=Small, older=("form",), description="A union told apart by a tag."
    )
    shapes: tuple[Annotated[Small | Large, Field(discriminator="size")], ...] = option(
        (), description="A list of them."
    )
    level: int | Literal["auto"] = option("auto", resume="warn", description="A union without a tag.")
    marks: Literal["all"] | list[Literal["point", "line"]] = option(
        "all", older_words={"everything": "all", "dot": "point"}, description="A word, or a list of words."
    )
    code: str = option("ab", pattern=r"^[a-z]+$", max_length=4, description="A text with a form.")
    weights: dict[str, float] = option(factory=dict, description="An open object.")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch):
    """The kind ``tiny``, registered for one test."""
    module = ModuleType("tests_tiny_kind")
    module.Spec, module.REQUIRES = Spec, ()
    monkeypatch.setitem(sys.modules, "tests_tiny_kind", module)
    kinds = dict(sorted((registry.kinds() | {"tiny": registry.Kind("tiny", "tests", "tests_tiny_kind")}).items()))
    monkeypatch.setattr(registry, "kinds", lambda: kinds)
    json_schemas._schema_for.cache_clear()
    yield Spec
    json_schemas._schema_for.cache_clear()


@pytest.fixture
def document():
    """A small valid document, to be changed."""
    return {
        "model": {"name": "ratings", "spec": {"model_type": "elo_scoring", "k_factor": 16}},
        "data": {"dataset": "sample"},
        "epochs": 3,
        "batch_size": 32,
    }
