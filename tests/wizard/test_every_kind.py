"""Every kind there is, by questions alone, to a spec that is the example's; and no field is asked nowhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner import registry
from runner.spec.canonical import canonical
from runner.spec.checking import load_object
from runner.spec.json_schemas import schema_for
from runner.wizard.field_groups import GROUPS, NOT_ASKED, group_of, top_fields
from tests.examples import KINDS, example
from tests.wizard.scripted import Scripted, converse, from_example

#: Kinds whose sections differ most; a long run asks all.
QUICK = {"grpo", "sentence_embedding", "tabular_classification", "elo_scoring"}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNNER_HOME", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")


def resolved(document: dict[str, Any]) -> dict[str, Any]:
    return canonical(load_object({key: value for key, value in document.items() if key != "$schema"}).spec)


@pytest.mark.parametrize(
    "kind", [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
)
def test_its_example_is_reached_by_questions_alone(kind):
    document = example(kind)
    family = registry.kinds()[kind].family
    asker = Scripted({"family": family, "kind": kind}, from_example(resolved(document)))
    ended = converse(asker)
    assert resolved(ended.document) == resolved(document)
    assert json.loads(ended.path.read_text()) == ended.document
    assert not ended.start
    asked = {question.key for question in asker.asked}
    for pointer in top_fields(schema_for(kind)):
        # A section is asked by its fields, by whether it is there, or by its names.
        inside = [
            key for key in asked if key == pointer or key.startswith((pointer + "/", pointer + "?", pointer + "+"))
        ]
        assert inside or pointer == "/data/columns", f"{kind}: {pointer} is asked nowhere"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_its_group(kind):
    names = {group.name for group in GROUPS}
    fields = top_fields(schema_for(kind))
    assert {group_of(pointer) for pointer in fields} <= names
    assert not NOT_ASKED & fields.keys()
