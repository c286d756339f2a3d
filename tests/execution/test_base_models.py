"""What a run needs beside the stored model that it goes on from."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from runner.errors import NotFoundError
from runner.execution.base_models import keep_ready
from runner.execution.dry_run import dry_run
from runner.execution.plan import make_plan
from runner.execution.train_and_resume import resume
from runner.runs.run_folder import Run, State
from runner.spec.canonical import canonical
from runner.spec.checking import load_object
from runner.store.model_storing import ModelFacts, promote
from runner.training import made_models, pretrained
from runner.workspace import Workspace


def document(kind: str, name: str, base: str, **fields: Any) -> dict[str, Any]:
    section = {"model_type": kind, "base_model_name": base} | fields
    return {"model": {"name": name, "spec": section}, "data": {"dataset": "sample"}}


def stored(workspace: Workspace, name: str, base: str, save_as: str = "adapter", **facts: Any) -> Path:
    artifact = workspace.store.parent / "made" / name
    artifact.mkdir(parents=True, exist_ok=True)
    (artifact / "adapter_model.safetensors").write_text(name)
    method = {"finetuning_spec": {"method": "lora"}, "save_as": save_as}
    spec = document("sft", name, base, **method)
    return promote(workspace.store, "sft", name, artifact, ModelFacts(spec=spec, **facts)).path


def planned(workspace: Workspace, made: dict[str, Any]) -> Any:
    return make_plan(load_object(json.loads(json.dumps(made)), source="spec"), workspace, executor="local")


def test_an_adapters_base_is_given_to_the_run_and_so_is_the_base_of_that(workspace, tmp_path):
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    first = stored(workspace, "first", str(folder))
    second = stored(workspace, "second", "sft/first", references={"base_model_name": "sft/first/v1"})
    third = stored(workspace, "third", str(tmp_path / "gone"), parent="sft/second/v1")
    plan = planned(workspace, document("dpo", "m", "sft/third"))
    assert set(plan.read_only) == {first, second, third, folder}
    assert not plan.document.network


def test_a_whole_model_needs_nothing_beside_it(workspace):
    whole = stored(workspace, "whole", "someone/model", save_as="whole")
    plan = planned(workspace, document("dpo", "m", "sft/whole"))
    assert plan.read_only == (whole,)
    assert not plan.document.network


def test_an_adapter_of_a_base_that_is_not_here_needs_a_network(workspace):
    stored(workspace, "first", "someone/model")
    assert planned(workspace, document("dpo", "m", "sft/first")).document.network


def test_a_model_that_a_package_brings_is_made_before_a_container_that_lacks_the_package(workspace, monkeypatch):
    name = "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert planned(workspace, document("sft", "m", name)).packaged == (name,)
    assert planned(workspace, document("sft", "m", made_models.TINY)).packaged == ()
    stored(workspace, "first", name)
    assert planned(workspace, document("dpo", "m", "sft/first")).packaged == (name,)
    kept = workspace.cache / "models" / f"{name.replace('/', '--')}-{made_models.VERSION}"
    kept.mkdir(parents=True)
    (kept / "config.json").write_text("{}")
    keep_ready([name], workspace.cache)
    monkeypatch.setattr(sys, "path", [])
    assert pretrained.resolve(name, None, workspace.cache) == kept


def test_a_resumed_run_is_given_the_model_that_it_began_with(workspace):
    folder = workspace.store.parent / "base"
    folder.mkdir()
    first = stored(workspace, "first", str(folder))
    begun = planned(workspace, document("dpo", "m", "sft/first"))
    run = Run.create(workspace.runs, "m", {"spec": canonical(begun.spec), "plan": begun.document, "source": {}})
    with run.lock():
        run.transition(State.RUNNING)
        run.transition(State.INTERRUPTED)
    second = stored(workspace, "first", str(folder))
    assert second != first
    with pytest.raises(Seen) as seen:
        resume(run.id, workspace, executor="local", announce=look)
    assert {first, folder} <= set(seen.value.plan.read_only)
    assert seen.value.plan.document.references == {"base_model_name": "sft/first/v1"}


class Seen(Exception):
    """The plan that a run would have gone on with."""

    def __init__(self, plan: Any) -> None:
        self.plan = plan


def look(run: Any, plan: Any) -> None:
    raise Seen(plan)


@pytest.mark.parametrize(
    ("base", "hint"), [("runner/tiny-lama", "did you mean 'runner/tiny-llama'?"), ("./nobody", "a Hub name")]
)
def test_a_model_that_is_nowhere_is_told_before_a_run_is_made(workspace, base, hint):
    with pytest.raises(NotFoundError) as refused:
        planned(workspace, document("sft", "m", base))
    assert refused.value.where == "/model/spec/base_model_name" and hint in str(refused.value.hint)


def test_a_model_further_within_a_spec_is_named_by_its_place(workspace):
    teacher = {"teacher_type": "model", "model_name": "runner/tiny-lama"}
    made = document("distillation", "m", made_models.TINY, teacher=teacher)
    with pytest.raises(NotFoundError) as refused:
        planned(workspace, made)
    assert refused.value.where == "/model/spec/teacher/model_name"


def test_a_model_that_could_not_be_fetched_now_is_told_by_a_dry_run(workspace, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    rows = [{"text": f"A line {number}."} for number in range(8)]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = document("causal_lm", "m", "someone/model") | {"data": {"dataset": str(tmp_path / "texts.jsonl")}}
    found = dry_run(load_object(made, source="spec"), workspace, "local")
    assert any("a run would end before its first step" in warning for warning in found["warnings"])
