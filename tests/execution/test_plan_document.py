"""The plan as the worker reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import IntegrityError
from runner.execution.plan_document import PlanDocument, StoredReference
from runner.runs.run_folder import Run

#: As the versions before wrote it: every key, in this order.
WRITTEN: dict[str, Any] = {
    "plan_version": 1,
    "model_type": "elo_scoring",
    "name": "x",
    "executor": "docker",
    "image": "runner:1",
    "image_digest": None,
    "gpus": "all",
    "network": False,
    "cwd": "/here",
    "cache": "/here/cache",
    "start_from": None,
    "parent": None,
    "stored": {"base_model": {"reference": "a/b/v1", "path": "/models/a/b/v1"}},
    "caveats": [],
    "wandb": {"project": "p", "experiment_name": None},
    "code": "c",
}
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
PLANS = st.builds(
    PlanDocument,
    model_type=TEXT,
    name=TEXT,
    executor=st.sampled_from(["local", "docker"]),
    gpus=st.none() | st.integers(0, 8) | st.just("all"),
    network=st.booleans(),
    cwd=TEXT,
    cache=TEXT,
    start_from=st.none() | TEXT,
    stored=st.dictionaries(TEXT, st.builds(StoredReference, reference=TEXT, path=TEXT)),
    caveats=st.lists(TEXT).map(tuple),
    wandb=st.none() | st.dictionaries(TEXT, st.none() | TEXT),
    allow_changed_data=st.booleans(),
)


@given(PLANS)
def test_what_is_written_is_read_and_written_the_same(plan):
    text = json.dumps(plan.to_document())
    again = PlanDocument.from_document(json.loads(text))
    assert again == plan
    assert json.dumps(again.to_document()) == text


def test_a_plan_is_written_as_ever_and_says_of_changed_data_only_where_it_is_allowed(tmp_path):
    run = Run.create(tmp_path, "x", {"plan": WRITTEN})
    before = (run.path / "plan.json").read_bytes()
    plan = run.needed("plan", PlanDocument)
    assert plan.references == {"base_model": "a/b/v1"} and not plan.allow_changed_data
    run.write("plan", plan)
    assert (run.path / "plan.json").read_bytes() == before
    allowed = WRITTEN | {"allow_changed_data": True}
    assert list(PlanDocument.from_document(allowed).to_document().items()) == list(allowed.items())


@pytest.mark.parametrize("absent", sorted(WRITTEN.keys() - {"model_type", "name", "executor", "cwd", "cache"}))
def test_a_plan_of_an_older_version_is_read(absent):
    assert PlanDocument.from_document({key: value for key, value in WRITTEN.items() if key != absent}).name == "x"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "this file is missing"),
        ([], "not an object"),
        ({key: value for key, value in WRITTEN.items() if key != "cwd"}, "cwd: missing"),
        (WRITTEN | {"stored": {"base_model": {"path": "/"}}}, r"stored\.base_model\.reference: missing"),
    ],
)
def test_a_damaged_plan_is_told_with_its_place(tmp_path, document, said):
    run = Run.create(tmp_path, "x", {})
    if document is not None:
        run.write("plan", document)
    with pytest.raises(IntegrityError, match=f"the run is damaged: .*{said}") as caught:
        run.needed("plan", PlanDocument)
    assert caught.value.where == str(run.path / "plan.json") and caught.value.hint
