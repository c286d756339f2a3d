"""What a document would lead to is told as sentences, whatever is wrong with it, and the data is read once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.contract import LoadContext
from runner.data.conversations.section import ConversationsData
from runner.data.table_rows.section import ClassesData
from runner.wizard import training_forecast
from runner.wizard.training_forecast import Consequences
from runner.workspace import Workspace

TABLE: dict[str, Any] = {
    "model": {"name": "wines", "spec": {"model_type": "tabular_classification"}},
    "data": {"dataset": "wine.csv"},
    "run": {"executor": "local"},
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "wine.csv", 40)
    return Workspace.below(tmp_path)


def table(path: Path, rows: int) -> None:
    lines = [f"{number},{number % 7},{'red' if number % 2 else 'white'}" for number in range(rows)]
    path.write_text("\n".join(["age,sugar,target", *lines]) + "\n")


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every reading of data."""
    found: list[str] = []
    for section in (ClassesData, ConversationsData):
        load = section.load

        def counted(self: Any, context: LoadContext, load: Any = load) -> Any:
            found.append(self.dataset)
            return load(self, context)

        monkeypatch.setattr(section, "load", counted)
    return found


def test_rows_time_and_place_are_told(workspace: Workspace):
    assert Consequences().tell(TABLE, workspace) == [
        "32 rows are trained on and 8 are held out",
        "how long it takes is not known: no run of this type has ended here yet",
        "it runs as a process of this machine and is stored as tabular_classification/wines/v1",
    ]


def test_rows_that_are_left_out_are_told_with_why(workspace: Workspace, tmp_path: Path):
    lines = [json.dumps({"user": f"Say {number}.", "assistant": str(number)}) for number in range(20)]
    (tmp_path / "talk.jsonl").write_text("\n".join([*lines, json.dumps({"user": "Say nothing."})]) + "\n")
    document = {
        "model": {"name": "talk", "spec": {"model_type": "sft", "base_model_name": "runner/tiny-llama"}},
        "data": {"dataset": "talk.jsonl", "max_samples": 10},
    }
    told = Consequences().tell(document, workspace, quick=True)
    assert "8 rows are trained on and 2 are held out; 11 rows are left out: " in told[0]
    assert "not sampled 10" in told[0] and "cannot be used" not in told[0]


def test_steps_are_counted_of_kinds_that_make_them(workspace: Workspace, tmp_path: Path):
    rows = [
        {"messages": [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": "Yes."}]} for n in range(9)
    ]
    (tmp_path / "chats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    document = {
        "model": {
            "name": "chat",
            "spec": {"model_type": "sft", "base_model_name": "runner/tiny-llama", "gradient_accumulation": 2},
        },
        "data": {"dataset": "chats.jsonl", "validation_split": 0},
        "epochs": 3,
        "batch_size": 2,
        "run": {"executor": "local"},
    }
    told = Consequences().tell(document, workspace, quick=True)
    assert told[:2] == ["9 rows are trained on, and none is held out", "9 steps of 4 examples"]
    document["model"]["spec"]["max_steps"] = 5  # type: ignore[index]
    assert "5 steps of 4 examples" in Consequences().tell(document, workspace, quick=True)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"data": {"dataset": "no.csv"}},
            "/data/dataset: no.csv: there is no such data file (that folder has wine.csv)",
        ),
        ({"data": {"dataset": "wine.csv", "target_columns": "colour"}}, "there is no column 'colour'"),
        ({"data": {"dataset": "wine.csv", "validation_spilt": 0.2}}, "did you mean"),
        ({"model": {"name": "x", "spec": {"model_type": "tabular"}}}, "/model/spec/model_type: unknown model type"),
        ({"model": {"name": "a/b", "spec": {"model_type": "tabular_classification"}}}, "/model/name"),
        ({"model": {"name": "x"}}, "/model"),
        ({"run": {"executor": "moon"}}, "/run/executor"),
        ({"run": {"executor": "local", "memory": "much"}}, "/run/memory"),
        ({"model": {"name": "x", "start_state": "tabular_classification/none"}}, "there is no stored model"),
        ({"epochs": float("nan")}, "epochs"),
    ],
)
def test_what_is_wrong_is_a_sentence(workspace: Workspace, change: dict[str, Any], said: str):
    told = Consequences().tell(TABLE | change, workspace)
    assert told
    assert said in " ".join(told)
    assert not any("Traceback" in sentence for sentence in told)


def test_every_fault_of_a_document_is_told(workspace: Workspace):
    told = Consequences().tell(TABLE | {"epochs": "all", "batch_size": "many", "colour": 1}, workspace)
    assert [sentence.partition(":")[0] for sentence in told] == ["/epochs", "/batch_size", "/colour"]


@pytest.mark.parametrize("document", [{}, TABLE | {"data": {}}, {"model": TABLE["model"]}])
def test_of_a_document_that_only_lacks_something_nothing_is_told_yet(workspace: Workspace, document: dict[str, Any]):
    assert Consequences().tell(document, workspace) == []


def test_what_nobody_foresaw_is_a_sentence_too(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    def broken(*words: Any, **more: Any) -> Any:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(training_forecast, "dry_run", broken)
    told = Consequences().tell(TABLE, workspace)
    assert told == ["what it will take could not be told: ZeroDivisionError: division by zero"]


def test_the_data_is_read_once_while_neither_it_nor_its_file_changes(workspace: Workspace, loads: list[str]):
    asked = Consequences()
    first = asked.tell(TABLE, workspace)
    assert asked.tell(TABLE, workspace) == first
    renamed = TABLE | {"model": {"name": "others", "spec": {"model_type": "tabular_classification"}}}
    assert "tabular_classification/others/v1" in " ".join(asked.tell(renamed, workspace))
    assert len(loads) == 1


def test_it_is_read_again_once_the_file_or_the_split_changes(workspace: Workspace, tmp_path: Path, loads: list[str]):
    asked = Consequences()
    asked.tell(TABLE, workspace)
    table(tmp_path / "wine.csv", 60)
    assert "48 rows are trained on and 12 are held out" in asked.tell(TABLE, workspace)
    half = TABLE | {"data": {"dataset": "wine.csv", "validation_split": 0.5}}
    assert "30 rows are trained on and 30 are held out" in asked.tell(half, workspace)
    assert len(loads) == 3


def test_what_is_odd_about_the_data_is_told_again_though_it_is_not_read_again(
    workspace: Workspace, tmp_path: Path, loads: list[str]
):
    with (tmp_path / "wine.csv").open("a") as file:
        file.write("5,5,red\n5,5,white\n")
    asked = Consequences()
    warnings = [line for line in asked.tell(TABLE, workspace) if line.startswith("warning: ")]
    renamed = TABLE | {"model": {"name": "others", "spec": {"model_type": "tabular_classification"}}}
    again = [line for line in asked.tell(renamed, workspace) if line.startswith("warning: ")]
    assert warnings == again
    assert len(loads) == 1


@pytest.mark.slow
def test_memory_and_steps_are_what_the_kind_tells(workspace: Workspace, tmp_path: Path):
    document = {
        "model": {"name": "x", "spec": {"model_type": "text_classification", "base_model_name": "runner/tiny-bert"}},
        "data": {"dataset": "sample"},
        "epochs": 2,
        "run": {"executor": "local"},
    }
    told = training_forecast.tell(document, workspace, quick=False)
    assert any(line.endswith("of memory, the libraries on top") for line in told)
    assert any(line.endswith("steps of 16 examples") for line in told)
    assert any(line.startswith("at least 1 second of computing alone") for line in told)
