"""A document with every default written, as a run keeps it, is the same spec as the short one: of every kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.contract import LoadContext, departs
from runner.errors import SpecError
from runner.spec.canonical import canonical
from runner.spec.checking import load, load_object
from runner.spec.json_schemas import schema_for
from runner.spec.origins import overridden
from runner.spec.training_identity import spec_hash
from tests.examples import KINDS, example

#: Long together, and none of them alone.
pytestmark = [pytest.mark.slow, pytest.mark.warm]

#: The sections of a kind's own, as the schema calls them: where they lie in a document.
OWN = {"/model/spec": "model", "/data": "data"}


def values(schema: dict[str, Any], whole: dict[str, Any]) -> Iterator[Any]:
    """Values of a part of a schema: every word of a list, a section by its tag alone, a text, a number."""
    if "$ref" in schema:
        yield from values(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
    for branch in ("oneOf", "anyOf"):
        for each in schema.get(branch, ()):
            yield from values(each, whole)
    yield from schema.get("enum", ())
    kind = schema.get("type")
    if kind == "object":
        tags = {name: each["const"] for name, each in schema.get("properties", {}).items() if "const" in each}
        yield tags
    elif kind == "boolean":
        yield from (True, False)
    elif kind == "integer":
        yield int(schema.get("minimum", 0)) + 1
    elif kind == "number":
        yield 0.5
    elif kind == "string" and "enum" not in schema and "const" not in schema:
        yield "one"
    elif kind == "null":
        yield None


@cache
def turns(kind: str) -> list[tuple[str, Any]]:
    """Fields of a kind's own sections by pointer, each with a value that it could have."""
    whole = schema_for(kind)
    parts = {"/model/spec": whole["$defs"]["Spec"], "/data": whole["properties"]["data"]}
    found = []
    for place, part in parts.items():
        named = whole["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
        for name, schema in named["properties"].items():
            # A word for what a training begins with is looked for on the Hub, or in the store.
            if name not in ("model_type", "base_model_name", "dataset"):
                found += [(f"{place}/{name}", value) for value in values(schema, whole)]
    return found


def check_again(document: dict[str, Any]) -> bool:
    """Whether a document is a spec, and if it is one, that it is the same with every default written."""
    try:
        short = load_object(document).spec
    except SpecError:
        return False
    written = canonical(short)
    whole = load(json.dumps(written))
    assert whole.warnings == []
    assert canonical(whole.spec) == written
    assert spec_hash(whole.spec) == spec_hash(short)
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_each_value_of_each_field_leaves_a_spec_that_can_be_read_again(kind):
    assert check_again(example(kind))
    accepted = sum(check_again(overridden(example(kind), {pointer: value})) for pointer, value in turns(kind))
    assert accepted > len(turns(kind)) / 3, "most values should be taken by themselves"


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_several_values_at_once_do_too(kind, data):
    drawn = data.draw(st.lists(st.sampled_from(turns(kind)), min_size=2, max_size=4))
    check_again(overridden(example(kind), dict(drawn)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_loaded_alike(kind, tmp_path):
    def loaded(spec: Any) -> Any:
        found = spec.data.load(LoadContext(spec.model.spec, Path(tmp_path), lambda *_, **__: None))
        return found.fingerprint, found.record, len(found.train), len(found.validation)

    short = load_object(example(kind)).spec
    assert loaded(load_object(canonical(short)).spec) == loaded(short)


def test_a_field_departs_by_its_value_and_not_by_being_written():
    spec = load_object(example("sentence_embedding")).spec.model.spec
    written = spec.model_validate(spec.model_dump(mode="json"), strict=False)
    assert written.model_fields_set == type(spec).model_fields.keys()
    named = {"model_type", "base_model_name", "max_length", "optimizer"}
    assert {name for name in type(spec).model_fields if departs(written, name)} == named
