"""A spec's paths are absolute in the run; names stay names."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.data.comparisons.section import ComparisonsData
from runner.data.table_rows.section import ClassesData
from runner.errors import NotFoundError
from runner.execution.plan import make_plan
from runner.execution.resolved_paths import resolve_paths
from runner.spec.checking import load_file, load_object
from runner.workspace import Workspace
from tests.conftest import ROOT


@pytest.mark.parametrize("path", sorted((ROOT / "specs").glob("*.json")), ids=lambda path: path.stem)
def test_an_example_names_no_path_of_this_machine(path):
    spec = load_file(path).spec
    assert resolve_paths(spec, Path("/anywhere")) is spec


def test_a_chat_template_counts_from_there_and_is_given_to_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNNER_HOME", str(tmp_path / "home"))
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "own.jinja").write_text("{{ messages }}")
    section = {"model_type": "sft", "base_model_name": "runner/tiny-llama", "chat": {"template": "own.jinja"}}
    document = {"model": {"name": "m", "spec": section}, "data": {"dataset": "sample"}}
    loaded = load_object(document)
    plan = make_plan(loaded, Workspace.current(), executor="local", cwd=folder)
    assert plan.spec.model.spec.chat.template == str(folder / "own.jinja")
    # What a container does not have by itself is mounted, where it is read from.
    assert folder / "own.jinja" in plan.read_only
    with pytest.raises(NotFoundError) as refused:
        make_plan(loaded, Workspace.current(), executor="local", cwd=tmp_path)
    assert refused.value.where == "/model/spec/chat/template: own.jinja"
    built_in = document | {"model": {"name": "m", "spec": section | {"chat": {"template": "chatml"}}}}
    assert (
        make_plan(load_object(built_in), Workspace.current(), executor="local").spec.model.spec.chat.template
        == "chatml"
    )


def test_files_count_from_the_folder_and_the_home_of_who_types(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    there = Path("/work")
    assert ComparisonsData(dataset="a/b.csv").resolved(there).dataset == "/work/a/b.csv"
    assert ComparisonsData(dataset="~/b.csv").resolved(there).dataset == "/home/ada/b.csv"
    table = ClassesData(dataset="rows/*.csv", validation_data="/data/held.csv").resolved(there)
    assert (table.dataset, table.validation_data) == ("/work/rows/*.csv", "/data/held.csv")
    assert ClassesData(dataset="iris").resolved(there).dataset == "iris"
