"""The documents of a run, and what is written of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.errors import DataError, Fault, IntegrityError, SpecError
from runner.runs.run_documents import Failure, Outcome, RunResult
from runner.runs.run_folder import Run, State
from runner.runs.run_state import RunState

FAILURE = {"error": "data", "exit_code": 4, "message": "no rows", "where": "/data", "hint": None}
PROCESS = {"host": "here", "pid": 7, "started": None}
#: As the versions before wrote them, each with its keys in this order.
WRITTEN: list[tuple[type, dict[str, Any]]] = [
    (Outcome, {"ok": True, "seconds": 0.0, "peak_memory": 2**28}),
    (Outcome, {"ok": False, "error": FAILURE | {"retryable": False}}),
    (RunResult, {"metrics": {"accuracy": 0.5, "log_loss": None}, "epochs": 3, "best_epoch": None}),
    (RunResult, {"metrics": {}, "epochs": None, "best_epoch": None, "parameters": {"at": {"a": 1}}}),
    (RunState, {"state": "pending", "created": 1.5, "attempts": 0, "creator": PROCESS}),
    (
        RunState,
        {"state": "succeeded", "created": 1.5, "attempts": 2, "creator": PROCESS, "executor": "local", "started": 2.5}
        | {"supervisor": 7, "process": PROCESS, "worker": {"pid": 8}, "exit_code": 0, "model": "a/b/v1"}
        | {"stored_at": "/models/a/b/v1", "ended": 3.5},
    ),
    (
        RunState,
        {"state": "failed", "created": 1.5, "attempts": 1, "creator": PROCESS, "executor": "docker", "started": 2.5}
        | {"supervisor": 7, "process": PROCESS, "exit_code": 4, "failure": FAILURE, "ended": 3.5},
    ),
    (RunState, {"state": "interrupted", "created": 1.5, "attempts": 1, "note": "gone", "ended": 3.5}),
]


@pytest.mark.parametrize(("shape", "document"), WRITTEN)
def test_a_document_is_written_again_as_it_was(shape, document):
    assert json.dumps(shape.from_document(document).to_document()) == json.dumps(document)


def test_a_state_keeps_its_order_from_its_beginning_to_its_end(tmp_path):
    run = Run.create(tmp_path, "x", {})
    run.transition(State.RUNNING, executor="local")
    run.executed_by({"pid": 8})
    run.transition(State.FAILED, exit_code=4, failure=Failure.of(DataError("no rows")))
    ended = ["exit_code", "failure", "ended"]
    begun = ["state", "created", "attempts", "creator", "executor", "started", "supervisor", "process", "worker"]
    assert list(run.document("state")) == begun + ended
    run.transition(State.RUNNING, executor="local")
    assert list(run.document("state")) == begun
    run.transition(State.SUCCEEDED, exit_code=0, model="a/b/v1", stored_at="/b")
    assert list(run.document("state")) == [*begun, "exit_code", "model", "stored_at", "ended"]
    assert (run.state().attempts, run.state().exit_code) == (2, 0)


def test_what_a_newer_version_says_of_a_state_is_kept(tmp_path):
    run = Run.create(tmp_path, "x", {})
    run.write("state", run.document("state") | {"cluster": {"job": 3}})
    run.transition(State.RUNNING)
    assert run.document("state")["cluster"] == {"job": 3}


def test_a_failure_is_told_with_its_faults():
    told = Failure.of(SpecError([Fault("wrong", "/epochs")], source="spec.json"))
    assert told.faults[0]["pointer"] == "/epochs" and told.where == "spec.json"
    assert told.to_document() == SpecError([Fault("wrong", "/epochs")], source="spec.json").as_dict()


@pytest.mark.parametrize(
    ("document", "where"),
    [([], "not an object"), ({"state": "asleep"}, "state: "), ({"state": "failed", "failure": 3}, "failure: ")],
)
def test_a_damaged_state_is_told_with_its_place(tmp_path, document, where):
    run = Run.create(tmp_path, "x", {})
    run.write("state", document)
    with pytest.raises(IntegrityError, match=f"no state of a run: {where}") as caught:
        run.state()
    assert caught.value.where == str(run.path / "state.json")


def test_a_result_that_is_none_is_told_and_one_that_is_not_there_is_nothing(tmp_path):
    run = Run.create(tmp_path, "x", {})
    assert run.read("result", RunResult) is None
    run.write("result", {"metrics": 3})
    with pytest.raises(IntegrityError, match="metrics: not an object"):
        run.read("result", RunResult)
