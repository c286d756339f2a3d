"""What an agent is told and refused, tool by tool, without a server around them."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import anyio
import pytest

import runner
from runner import registry
from runner.agents import pages
from runner.agents.confined import check_spec, inside, run_id
from runner.agents.tool_results import without_secrets
from runner.agents.tools import Tools
from runner.errors import SpecError, UsageError
from tests.examples import example


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a secret beside it and a link that leads there."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.json").write_text('{"model": {}}')
    here = tmp_path / "work"
    here.mkdir()
    (here / "link").symlink_to(tmp_path / "outside")
    (here / "linked.json").symlink_to(tmp_path / "outside" / "secret.json")
    for name in [name for name in os.environ if name.startswith("RUNNER_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(here)
    return here


def document(result: Any) -> dict[str, Any]:
    assert json.loads(result.content[0].text) == result.structured_content
    return dict(result.structured_content)


def refused(result: Any) -> dict[str, Any]:
    assert result.is_error
    return document(result)


def test_every_kind_is_listed_and_has_a_page_and_a_schema():
    listed = {each["model_type"]: each for each in pages.kinds()}
    assert listed.keys() == registry.kinds().keys()
    assert all(each["is"] and each["task"] for each in listed.values())
    page = pages.page("sft")
    assert "`backend`" in page and "`dataset`" in page and "(required)" in page
    assert json.loads(pages.schema("sft"))["properties"]["model"]


def test_a_broken_spec_is_told_by_pointer_and_mended(folder):
    tools = Tools(folder)
    broken = example("elo_scoring")
    broken["model"]["spec"]["min_model_occurences"] = broken["model"]["spec"].pop("min_model_occurrences", 20)
    told = refused(tools.validate(broken))
    assert told["error"] == "spec" and told["exit_code"] == 3
    assert [fault["pointer"] for fault in told["faults"]] == ["/model/spec/min_model_occurences"]
    mended = document(tools.fix(broken))
    assert mended["changes"][0]["pointer"] == "/model/spec/min_model_occurences"
    good = document(tools.validate(mended["spec"]))
    assert good["valid"] and good["model_type"] == "elo_scoring"
    assert document(tools.validate(json.dumps(example("elo_scoring"))))["valid"]
    (folder / "spec.json").write_text(json.dumps(example("elo_scoring")))
    assert document(tools.validate("spec.json"))["valid"]


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("../outside/secret.json", "usage"),
        ("linked.json", "usage"),
        ("link/secret.json", "usage"),
        ("/etc/passwd", "usage"),
        ("~/secret.json", "usage"),
        ("nothing.json", "not found"),
        ("a\0b", "usage"),
        ("{not json", "spec"),
        ("[]", "spec"),
        ({}, "spec"),
    ],
)
def test_what_is_no_spec_of_the_folder_is_refused_as_a_document(folder, spec, kind):
    for tool in (Tools(folder).validate, Tools(folder).fix):
        assert refused(tool(spec))["error"] == kind


@pytest.mark.parametrize(
    "dataset",
    ["../outside/secret.json", "link/secret.json", "{outside}/secret.json", "{outside}/*.json", "link/*.json"],
)
def test_a_spec_whose_data_lies_outside_is_refused_by_pointer_before_it_is_read(folder, dataset):
    spec = example("elo_scoring") | {"data": {"dataset": dataset.format(outside=folder.parent / "outside")}}
    for call in (lambda: Tools(folder).dry_run(spec), lambda: Tools(folder).train(spec, start=True)):
        told = refused(anyio.run(call))
        assert [fault["pointer"] for fault in told["faults"]] == ["/data/dataset"]
    assert not (folder / "runs").exists()


def test_words_that_are_no_paths_are_left_alone(folder):
    (folder / "rows.jsonl").write_text("")
    for word in ("sample", "rows.jsonl", "./rows.jsonl", "hub:a/b", "/think", "a ../b c", "^/x$", "text\n/etc/passwd"):
        check_spec(folder, {"x": [word]})
    with pytest.raises(SpecError) as error:
        check_spec(folder, {"a": {"b/c": ["..", str(folder.parent / "outside")]}})
    assert [fault.pointer for fault in error.value.faults] == ["/a/b~1c/0", "/a/b~1c/1"]


@pytest.mark.parametrize("name", ["../x", "/tmp", "", ".", "-x", "a/b", "a\\b"])
def test_a_run_is_named_and_no_path(folder, name):
    with pytest.raises(UsageError):
        run_id(name)
    assert refused(Tools(folder).watch(name))["error"] == "usage"
    assert refused(Tools(folder).logs(name))["error"] == "usage"


def test_a_path_stays_within_with_its_links_followed(folder):
    assert inside(folder, "a/../b.json", "spec") == folder / "b.json"
    with pytest.raises(UsageError):
        inside(folder, "link/../../x", "spec")


def test_what_is_not_there_is_told_as_a_document(folder):
    tools = Tools(folder)
    assert refused(tools.kinds("sfft"))["error"] == "not found"
    assert "sft" in refused(tools.schema("sfft"))["hint"]
    assert refused(tools.watch())["exit_code"] == 5


def test_secrets_of_the_environment_are_in_no_answer(folder, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", 'sk-"very"-secret')
    monkeypatch.setenv("HF_TOKEN", "short")
    said = json.dumps({"line": 'key sk-"very"-secret'})
    assert "very" not in without_secrets(said) and "***" in without_secrets(said)
    run = folder / "runs" / "20260101-000000-x-abcd"
    run.mkdir(parents=True)
    now = {"state": "succeeded", "created": 1.0, "attempts": 1}
    (run / "state.json").write_text(json.dumps(now))
    (run / "log.txt").write_text('the key is sk-"very"-secret\n')
    told = document(Tools(folder).logs("last"))
    assert told["lines"] == ["the key is ***"]


def test_events_are_given_from_a_place_on(folder):
    run = folder / "runs" / "20260101-000000-x-abcd"
    run.mkdir(parents=True)
    (run / "state.json").write_text(json.dumps({"state": "succeeded", "created": 1.0, "attempts": 1}))
    (run / "events.jsonl").write_text(
        "".join(json.dumps({"t": float(at), "event": "epoch", "epoch": at, "epochs": 5}) + "\n" for at in range(1, 6))
    )
    tools = Tools(folder)
    first = document(tools.watch("last", since=0, limit=2))
    assert [event["epoch"] for event in first["events"]] == [1, 2] and first["next"] == 2 and not first["over"]
    rest = document(tools.watch("last", since=2))
    assert [event["epoch"] for event in rest["events"]] == [3, 4, 5] and rest["next"] == 5 and rest["over"]
    assert document(tools.watch("last", since=99))["events"] == []


def test_a_run_that_is_not_running_is_closed_by_the_argument_that_its_hint_names(folder, monkeypatch):
    run = folder / "runs" / "20260101-000000-x-abcd"
    run.mkdir(parents=True)
    (run / "state.json").write_text(json.dumps({"state": "interrupted", "created": 1.0, "attempts": 1}))
    monkeypatch.setenv("PYTHONPATH", str(Path(runner.__file__).parents[1]))
    tools = Tools(folder)
    told = refused(anyio.run(lambda: tools.stop("last")))
    assert told["error"] == "conflict" and "cancel true" in told["hint"] and "--cancel" not in told["hint"]
    assert document(anyio.run(lambda: tools.stop("last", cancel=True)))["state"] == "cancelled"
    assert refused(anyio.run(lambda: tools.stop("last")))["hint"] is None


def test_without_the_package_the_command_says_what_to_install(desk, monkeypatch):
    from runner.cli.app import run

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "mcp" else found(name, *rest))
    assert run(["mcp"]) == 6


def test_a_folder_that_is_not_there_is_told(capsys):
    from runner.cli.app import run

    assert run(["mcp", "--folder", "/nowhere/at/all"]) == 5
    assert "/nowhere/at/all" in capsys.readouterr().err
