"""What is published: valid JSON Schema, equal to the code, and complete."""

import json
from pathlib import Path
from threading import Thread

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator

from runner import registry
from runner.errors import NotFoundError
from runner.spec import dataset_fields, json_schemas
from runner.spec.schema_walk import resolve

ROOT = Path(__file__).parents[2]


def built_in():
    return [kind.name for kind in registry.kinds().values() if kind.module.startswith("runner.builders.")]


def test_checked_in_schemas_are_the_code_s():
    files = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "schemas").glob("*.json")}
    assert files == json_schemas.files(), "write them anew: runner.spec.json_schemas.write(Path('schemas'))"


def test_the_kept_fields_of_data_are_the_code_s():
    assert dataset_fields.KEPT.read_text("utf-8") == dataset_fields.text(), "write them anew: make schemas"
    # Nothing in them lies elsewhere in the schema: they are read without it.
    assert "$ref" not in dataset_fields.text()


def test_a_kind_that_is_not_kept_has_its_field_made(monkeypatch):
    kept = dataset_fields.dataset_field("elo_scoring")
    monkeypatch.setattr(dataset_fields, "_kept", dict)
    assert dataset_fields.dataset_field("elo_scoring") == kept
    with pytest.raises(NotFoundError, match="elo_scorin"):
        dataset_fields.dataset_field("elo_scorin")


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize("name", [*built_in(), "union"])
def test_schema_is_valid_and_a_second_reader_takes_it(name):
    schema = json_schemas.union() if name == "union" else json_schemas.schema_for(name)
    Draft202012Validator.check_schema(schema)
    jsonschema_rs.validator_for(schema)


@pytest.mark.parametrize("kind", built_in())
def test_every_field_is_described_and_says_what_a_resume_may_do(kind):
    root = json_schemas.schema_for(kind)

    def look(schema, place):
        if isinstance(schema, dict):
            for name, field in (schema.get("properties") or {}).items():
                # A condition speaks about fields without being one.
                if not place.endswith("/if"):
                    assert resolve(field, root).get("description"), f"{place}/{name}"
                    if place.startswith("/$defs") or not place:
                        assert field.get("deprecated") or "x-resume" in field or name == "spec", f"{place}/{name}"
            for key, value in schema.items():
                look(value, f"{place}/{key}")

    look(root, "")


@pytest.mark.parametrize("path", sorted((ROOT / "specs").glob("*.json")), ids=lambda path: path.stem)
@pytest.mark.slow
@pytest.mark.warm
def test_examples_are_valid_by_the_union_too(path):
    Draft202012Validator(json_schemas.union()).validate(json.loads(path.read_text(encoding="utf-8")))


def test_written_files_are_the_published_ones(tmp_path):
    written = json_schemas.write(tmp_path / "schemas")
    assert {path.name for path in written} == set(json_schemas.files())
    assert json.loads((tmp_path / "schemas" / "elo_scoring.json").read_text()) == json_schemas.schema_for("elo_scoring")


def test_an_unknown_kind_has_no_schema():
    with pytest.raises(NotFoundError, match="elo_scorin"):
        json_schemas.schema_for("elo_scorin")


@pytest.mark.slow
@pytest.mark.warm
def test_a_third_party_s_kind_is_in_the_union_but_not_in_the_files(tiny):
    assert "tiny" in json_schemas.union()["$defs"]
    assert "tiny.json" not in json_schemas.files()
    assert '"tiny"' not in json_schemas.files()["training-spec.json"]


def test_a_schema_that_another_thread_makes_is_waited_for(monkeypatch):
    free = []

    def make(kind):
        other = Thread(target=lambda: free.append(json_schemas._MAKING.acquire(blocking=False)))
        other.start()
        other.join()
        return {}

    monkeypatch.setattr(json_schemas, "_schema_for", make)
    json_schemas.schema_for("elo_scoring")
    assert free == [False]
