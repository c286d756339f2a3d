"""Batches: what they expand to, what is wrong with one, and runs that are killed and gone on with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.errors import Fault, SpecError
from runner.pipeline.batches.expanding import load_batch
from tests.conftest import Desk
from tests.holding import held
from tests.pipeline.made_pipelines import chat, comparisons, rating, sums


def batch(**changes: Any) -> dict[str, Any]:
    spec = chat()
    del spec["data"]
    return {
        "batch": {"name": "all"},
        "datasets": [{"name": "one", "input": "raw.jsonl"}, {"name": "two", "input": "other.jsonl"}],
        "process": {},
        "split": {"ratios": {"train": 0.6, "validation": 0.2, "test": 0.2}},
        "styles": [{"name": "plain"}, {"name": "brief", "style": "Be brief."}],
        "experiments": [{"name": "short", "train": spec}, {"name": "long", "train": spec, "with": {"/epochs": 4}}],
    } | changes


def rated_batch(parallel: int = 1) -> dict[str, Any]:
    """Two data sets of comparisons by two trainings of a second."""
    spec = rating(data={"validation_split": 0.25, "seed": 1})
    return {
        "batch": {"name": "ratings", "parallel": parallel},
        "datasets": [{"name": "few", "input": "few.jsonl"}, {"name": "many", "input": "many.jsonl"}],
        "dedupe": {},
        "experiments": [
            {"name": "slow", "train": spec},
            {"name": "fast", "train": spec, "with": {"/model/spec/k_factor": 64}},
        ],
    }


def two_files(home: Path) -> None:
    comparisons(home, "few.jsonl", 60)
    comparisons(home, "many.jsonl", 90)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    sums(tmp_path)
    sums(tmp_path, "other.jsonl", 30)
    return tmp_path


def faults(document: dict[str, Any]) -> dict[str, Fault]:
    with pytest.raises(SpecError) as caught:
        load_batch(json.dumps(document, indent=2))
    return {fault.pointer: fault for fault in caught.value.faults}


def test_a_batch_is_every_data_set_by_every_style_by_every_experiment(here: Path) -> None:
    members = load_batch(json.dumps(batch())).members
    assert [member.pipeline.name for member in members] == [
        f"all-{data}-{style}-{how}"
        for data in ("one", "two")
        for style in ("plain", "brief")
        for how in ("short", "long")
    ]
    plain, brief = members[0].pipeline, members[2].pipeline
    assert [step.name for step in plain.steps] == ["process", "split", "train"]
    assert [step.name for step in brief.steps] == ["process", "split", "style", "train"]
    long = members[3].pipeline.steps[-1]
    assert long.spec is not None and long.spec.spec.epochs == 4
    assert long.spec.spec.model.name == "all-one-brief-long"
    assert long.told(lambda within, name: name)["data"] == {
        "dataset": "style.train",
        "validation_data": "style.validation",
    }


@pytest.mark.parametrize(
    ("changes", "pointer", "words"),
    [
        ({"experiment": []}, "/experiment", '"experiments"'),
        ({"datasets": []}, "/datasets", "too few"),
        ({"batch": {"name": "all", "parallel": 0}}, "/batch/parallel", "at least 1"),
        ({"process": {"sistem": "x"}}, "/process/sistem", '"system"'),
        ({"styles": [{"name": "a"}, {"name": "a"}]}, "/styles/1/name", "name one otherwise"),
        ({"styles": [{"name": "a", "stile": "x"}]}, "/styles/0/stile", '"style"'),
        ({"experiments": [{"name": "a", "train": chat(epochs=-1)}]}, "/experiments/0/train/epochs", "at least 1"),
        (
            {"experiments": [{"name": "a", "train": chat(), "with": {"/epochs": "x"}}]},
            "/experiments/0/with/~1epochs",
            "a whole number",
        ),
        ({"experiments": [{"name": "a", "train": "none.json"}]}, "/experiments/0/train", "no such file"),
        ({"evaluate": {"tasks": ["none.json"]}}, "/evaluate/tasks/0", "no such file"),
    ],
)
def test_what_is_wrong_is_told_once_at_its_place_in_the_batch(
    here: Path, changes: dict[str, Any], pointer: str, words: str
) -> None:
    found = faults(batch(**changes))
    assert list(found) == [pointer]
    fault = found[pointer]
    assert words in " ".join(str(part) for part in (fault.message, fault.hint, fault.expected))
    assert fault.line is not None


def test_a_dry_run_prints_the_pipelines_which_are_ordinary_ones(desk: Desk) -> None:
    sums(desk.home)
    sums(desk.home, "other.jsonl", 30)
    path = desk.write("batch.json", batch())
    plan = desk("pipeline", "run", path, "--dry-run", "--json").ok().json
    assert len(plan["pipelines"]) == 8
    one = desk.write("one.json", plan["pipelines"][3]["document"])
    assert desk("validate", one, path).ok().out.splitlines() == [
        f"{one}: a valid pipeline of 4 steps: process, split, style, train",
        f"{path}: a valid batch of 8 pipelines",
    ]
    assert not (desk.home / "pipelines").exists()


def test_the_raw_file_of_one_that_is_missing_ends_it_before_any_begins(desk: Desk) -> None:
    sums(desk.home)
    refused = desk("pipeline", "run", desk.write("batch.json", batch()), "--json")
    assert refused.code == 5
    assert {entry["step"] for entry in refused.json["steps"]} >= {"all-two-plain-short: process"}
    assert not (desk.home / "runs").exists()


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize("parallel", [1, 2])
def test_a_batch_ends_in_a_table_and_a_page_and_is_done_once(desk: Desk, parallel: int) -> None:
    two_files(desk.home)
    path = desk.write("batch.json", rated_batch(parallel))
    end = desk("pipeline", "run", path, "--executor", "local", "--json").ok().json
    assert [each["state"] for each in end["pipelines"]] == ["done"] * 4
    (table,) = end["tables"]
    assert {(row[0], row[2]) for row in table["rows"]} == {(d, e) for d in ("few", "many") for e in ("slow", "fast")}
    assert "different held-out rows" in table["note"]
    page = Path(end["page"])
    for link in page.read_text().split('href="')[1:]:
        target = link.partition('"')[0]
        assert target.startswith("#") or (page.parent / target).exists()
    # What two pipelines have in common is made once.
    assert len(list((desk.home / "pipelines" / "_steps").glob("dedupe-*"))) == 2
    again = desk("pipeline", "run", path, "--executor", "local").ok()
    assert "done before" in again.err and len(list((desk.home / "runs").iterdir())) == 4


@pytest.mark.slow
def test_a_batch_that_is_killed_goes_on_and_trains_nothing_twice(desk: Desk) -> None:
    two_files(desk.home)
    path = desk.write("batch.json", rated_batch())
    for event in ("step-ended-dedupe:1", "step-ended-train:1", "pipeline-ended:1"):
        process = held(desk, "pipeline", "run", path, "--executor", "local", at=event)
        process.kill()
        process.wait()
    end = desk("pipeline", "run", path, "--executor", "local", "--json").ok().json
    assert [each["state"] for each in end["pipelines"]] == ["done"] * 4
    models = sorted(str(each.relative_to(desk.home / "models")) for each in (desk.home / "models").glob("*/*/v*"))
    assert models == [f"elo_scoring/ratings-{data}-{how}/v1" for data in ("few", "many") for how in ("fast", "slow")]
    assert len(list((desk.home / "runs").iterdir())) == 4


@pytest.mark.slow
@pytest.mark.warm
def test_one_that_fails_does_not_stop_the_others(desk: Desk) -> None:
    two_files(desk.home)
    (desk.home / "few.jsonl").write_text((desk.home / "few.jsonl").read_text().splitlines()[0] + "\n")
    end = desk("pipeline", "run", desk.write("batch.json", rated_batch()), "--executor", "local", "--json")
    assert end.code == 4
    assert [each["state"] for each in end.json["pipelines"]] == ["failed", "failed", "done", "done"]
    assert end.json["state"] == "failed"
