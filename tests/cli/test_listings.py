"""What ``runs`` and ``models`` say of a model, by its task."""

from __future__ import annotations

import json

import pytest

from runner.errors import DataError, OutOfMemory, RunFailed
from runner.execution.plan_document import PlanDocument
from runner.runs.run_documents import Failure
from runner.runs.run_folder import Run, State
from runner.store.manifest import ModelFacts
from runner.store.model_storing import promote


def test_calibrated_parameters_and_the_headline_are_shown(desk) -> None:
    plan = PlanDocument(model_type="elo_scoring", name="x", executor="local", cwd="/", cache="/cache")
    run = Run.create(desk.home / "runs", "x", {"plan": plan, "spec": {}})
    run.transition(State.RUNNING)
    run.transition(State.SUCCEEDED, exit_code=0, model="elo_scoring/x/v1")
    known = {"metrics": {"log_loss": 0.5, "accuracy": 0.875}, "parameters": {"temperature": 1.375, "at": {"a": 0.25}}}
    run.write("result", known)
    (run.path / "artifact" / "model.json").write_text("{}")
    promote(desk.home / "models", "elo_scoring", "x", run.path / "artifact", ModelFacts(run=run.id, **known))

    shown = desk("runs", "show", "last").out
    assert "  calibrated\n  temperature  1.375\n  at           a 0.2500" in shown
    (row,) = json.loads(desk("runs", "list", "--json").out)
    assert row["headline"] == {"metric": "accuracy", "column": "accuracy", "value": 0.875, "better": "higher"}
    assert "ACCURACY" in desk("runs", "list").out
    assert "temperature  1.375" in desk("models", "show", "elo_scoring/x").out
    assert "0.8750" in desk("models").out


@pytest.mark.parametrize(
    ("error", "goes_on"), [(DataError("no such column"), False), (RunFailed("NaN"), False), (OutOfMemory("full"), True)]
)
def test_a_failure_that_comes_again_is_not_resumed(desk, error, goes_on):
    plan = PlanDocument(model_type="elo_scoring", name="x", executor="local", cwd="/", cache="/cache")
    run = Run.create(desk.home / "runs", "x", {"plan": plan, "spec": {}})
    run.transition(State.RUNNING)
    run.transition(State.FAILED, exit_code=int(error.code), failure=Failure.of(error))
    shown = desk("runs", "show", "last").ok().out
    assert error.message in shown
    assert (f"runner train --resume {run.id}" in shown) == goes_on
    page = desk.home / "page.html"
    desk("runs", "show", "last", "--html", "--output", page).ok()
    assert (f"runner train --resume {run.id}" in page.read_text()) == goes_on
