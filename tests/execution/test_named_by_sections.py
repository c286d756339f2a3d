"""What a section within a spec names, found before the run: a stored model, a file, a secret, a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.errors import ConflictError, EnvironmentProblem, NotFoundError
from runner.execution.plan import make_plan
from runner.spec.canonical import canonical
from runner.spec.checking import load_object
from runner.store.model_storing import ModelFacts, promote
from runner.workspace import Workspace

TEACHER = "/model/spec/distillation/teacher"


def planned(workspace: Workspace, **teacher: Any) -> Any:
    spec = {"model_type": "sft", "base_model_name": "runner/tiny-llama", "distillation": {"teacher": teacher}}
    document = {"model": {"name": "m", "spec": spec}, "data": {"dataset": "sample"}}
    return make_plan(load_object(json.loads(json.dumps(document)), source="spec"), workspace, executor="local")


def stored(workspace: Workspace, kind: str) -> Path:
    artifact = workspace.store.parent / "made"
    artifact.mkdir()
    (artifact / "weights.safetensors").write_text("x")
    own = {"model_type": kind} | ({"base_model_name": "a/b"} if kind == "sft" else {})
    spec = {"model": {"name": "elder", "spec": own}, "data": {"dataset": "sample"}}
    return promote(workspace.store, kind, "elder", artifact, ModelFacts(spec=spec)).path


def test_a_stored_model_is_given_to_the_run_by_its_version(workspace):
    folder = stored(workspace, "sft")
    plan = planned(workspace, teacher_type="model", model_name="sft/elder")
    assert plan.document.references == {"distillation/teacher/model_name": "sft/elder/v1"}
    assert folder in plan.read_only and not plan.document.network


def test_one_that_is_not_there_or_of_another_task_is_told_with_its_place(workspace):
    with pytest.raises(NotFoundError) as caught:
        planned(workspace, teacher_type="model", model_name="sft/nobody")
    assert caught.value.where.startswith(f"{TEACHER}/model_name")
    stored(workspace, "elo_scoring")
    with pytest.raises(ConflictError) as caught:
        planned(workspace, teacher_type="model", model_name="elo_scoring/elder")
    assert caught.value.where == f"{TEACHER}/model_name"


def test_a_model_of_the_hub_that_is_not_here_needs_a_network(workspace):
    assert planned(workspace, teacher_type="model", model_name="someone/elder").document.network


def test_a_file_is_absolute_in_the_run_and_given_to_it(workspace, tmp_path):
    with pytest.raises(NotFoundError) as caught:
        planned(workspace, teacher_type="answers", path="answers.jsonl")
    assert caught.value.where.startswith(f"{TEACHER}/path")
    (tmp_path / "answers.jsonl").write_text("")
    plan = planned(workspace, teacher_type="answers", path="answers.jsonl")
    assert plan.read_only == (tmp_path / "answers.jsonl",)
    # The run's document has every field, and is read again.
    assert load_object(canonical(plan.spec), source="run").spec == plan.spec
    own = canonical(plan.spec)["model"]["spec"]
    assert own["distillation"]["teacher"]["path"] == str(tmp_path / "answers.jsonl")


def test_an_endpoint_has_a_network_and_its_key_which_has_to_be_there(workspace, tmp_path, monkeypatch):
    words = {"teacher_type": "endpoint", "base_url": "https://a.b/v1", "model": "m", "key_env": "ELDERS_KEY"}
    plan = planned(workspace, **words)
    assert plan.document.network
    with pytest.raises(EnvironmentProblem, match="ELDERS_KEY"):
        plan.job(tmp_path)
    monkeypatch.setenv("ELDERS_KEY", "open sesame")
    assert plan.job(tmp_path).secrets["ELDERS_KEY"] == "open sesame"
