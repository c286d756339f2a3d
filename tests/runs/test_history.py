"""A run's history: every epoch and every step once, as ``runner runs show`` has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.execution.plan_document import PlanDocument
from runner.runs.events import EventWriter
from runner.runs.history import History
from runner.runs.run_folder import Run
from tests.conftest import Desk


@pytest.fixture
def run(desk: Desk) -> Run:
    plan = PlanDocument(model_type="dense_network", name="x", executor="local", cwd="/", cache="/cache")
    return Run.create(desk.home / "runs", "x", {"plan": plan, "spec": {}})


def tell(run: Path, *events: tuple[str, dict[str, object]]) -> None:
    writer = EventWriter(run)
    for name, fields in events:
        writer.emit(name, **fields)
    writer.close()


def epoch(number: int, loss: float, best: bool = False, **others: object) -> tuple[str, dict[str, object]]:
    return "epoch", {"epoch": number, "epochs": 20, "metrics": {"train_loss": loss}, "best": best} | others


def test_a_document_has_every_epoch_once_as_it_was_told_last(desk: Desk, run: Run) -> None:
    tell(
        run.path,
        ("stage_epoch", {"stage": "llm_embedding", "epoch": 1, "epochs": 2, "metrics": {"separation": 0.5}}),
        epoch(1, 0.9, best=True),
        epoch(2, 0.8, diagnostics={"gradient_norm/prompt": 0.25}),
        ("resumed", {"step": 4}),
        epoch(2, 0.7, best=True),
    )
    told = desk("runs", "show", "last", "--json").ok().json["history"]
    assert [(row["epoch"], row["metrics"], row["best"]) for row in told["epochs"]] == [
        (1, {"train_loss": 0.9}, True),
        (2, {"train_loss": 0.7}, True),
    ]
    assert all(row["t"] for row in told["epochs"])
    assert told["stages"][0]["stage"] == "llm_embedding"
    assert told["stages"][0]["metrics"] == {"separation": 0.5}
    assert told["steps"] == []
    assert History.from_document(told).to_document() == told


def test_training_and_evaluation_of_one_step_are_one_entry(desk: Desk, run: Run) -> None:
    tell(
        run.path,
        ("step", {"step": 20, "steps": 40, "epoch": 0.5, "tokens": 800, "metrics": {"train_loss": 0.5}}),
        ("step", {"step": 20, "steps": 40, "epoch": 0.5, "metrics": {"eval_loss": 0.75}, "best": True}),
    )
    (row,) = desk("runs", "show", "last", "--json").ok().json["history"]["steps"]
    assert row["metrics"] == {"train_loss": 0.5, "eval_loss": 0.75}
    assert (row["step"], row["epoch"], row["tokens"], row["best"]) == (20, 0.5, 800, True)


def test_a_terminal_shows_a_few_epochs_the_ends_and_the_best_among_them(desk: Desk, run: Run) -> None:
    tell(run.path, *(epoch(number, 1 / number, best=number in (1, 12)) for number in range(1, 21)))
    text = desk("runs", "show", "last").ok().out.partition("History\n")[2]
    assert "of 20 epochs; --json has all of them." in text
    rows = [line.split() for line in text.splitlines() if line.strip()[:1].isdigit() and "of 20" not in line]
    numbers = [int(row[0]) for row in rows]
    assert len(numbers) <= 8
    assert {1, 12, 20} <= set(numbers)
    assert [row[0] for row in rows if row[-1] == "best"] == ["12"]


def test_a_run_that_told_nothing_has_an_empty_history(desk: Desk, run: Run) -> None:
    assert desk("runs", "show", "last", "--json").ok().json["history"] == {"epochs": [], "steps": [], "stages": []}
    assert "History" not in desk("runs", "show", "last").ok().out


def test_tables_are_printed_and_put_into_the_document_where_they_are_asked_for(desk: Desk, run: Run) -> None:
    table = {"name": "t", "title": "What it is", "columns": ["name", "n"], "rows": [["a", 3]]}
    run.write("tables", {"t": table})
    assert "What it is" not in desk("runs", "show", "last").ok().out
    assert "tables" not in desk("runs", "show", "last", "--json").ok().json
    assert "What it is" in desk("runs", "show", "last", "--tables").ok().out
    assert desk("runs", "show", "last", "--tables", "--json").ok().json["tables"] == {"t": table}
