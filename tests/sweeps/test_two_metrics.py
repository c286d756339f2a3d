"""Sweeps that two metrics judge: the front, what it is told by, and what cannot be had with two."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from runner.sweeps import journal_digest, sweep_tables
from runner.sweeps.exporting import write
from runner.sweeps.journal import Aim, Journal, Record, TrialState
from runner.sweeps.sweep_folder import SweepFolder
from runner.sweeps.sweep_page import page
from tests.conftest import Desk
from tests.sweeps.sweep_documents import chooser, sweep

TWO = [{"name": "accuracy"}, {"name": "log_loss"}]
#: Accuracy and log loss, trial by trial; those of 1, 3 and 4 are the front: 5 is as 3, and 2 is worse than 3 in one.
VALUES = [(0.5, 0.5), (0.9, 0.6), (0.7, 0.4), (0.8, 0.4), (0.4, 0.1), (0.8, 0.4), (0.3, 0.2)]


def filled(folder: Path, values: Sequence[tuple[float, float]] = VALUES) -> SweepFolder:
    found = SweepFolder(folder)
    found.write_document({"sweep": {}, "base": {}})
    second = {"metric": "log_loss", "goal": "minimize"}
    found.journal.add("space", hash="0", metric="accuracy", goal="maximize", second=second)
    for number, (value, other) in enumerate(values):
        found.journal.add("asked", trial=number, values={"/epochs": number}, name=f"s-{number}", identity=str(number))
        found.journal.add("ended", trial=number, state="complete", value=value, second=other, model=f"k/s-{number}/v1")
    found.journal.add("asked", trial=len(values), values={"/epochs": 99}, name="s-f", identity="f")
    found.journal.add("ended", trial=len(values), state="failed", value=None, why="it broke")
    return found


def test_the_front_is_what_nothing_is_better_than_in_both(tmp_path: Path) -> None:
    record = filled(tmp_path).record()
    assert record.aims == (Aim("accuracy", "maximize"), Aim("log_loss", "minimize"))
    assert [trial.number for trial in record.front()] == [1, 3, 4]
    assert record.best() is None
    document = sweep_tables.document(record, "s")
    assert document["front"] == [1, 3, 4] and document["best"] is None
    assert document["second"] == {"metric": "log_loss", "goal": "minimize"}
    assert [trial.get("second") for trial in document["trials"]] == [*(other for _, other in VALUES), None]


def test_of_one_metric_the_front_is_the_best_alone() -> None:
    record = Record(aims=(Aim("log_loss", "minimize"),))
    for number, value in enumerate((0.4, 0.1, 0.1)):
        record.take({"event": "asked", "trial": number, "values": {}})
        record.take({"event": "ended", "trial": number, "state": "complete", "value": value})
    assert [trial.number for trial in record.front()] == [1] and record.best() is record.trials[1]


def test_tables_the_page_and_files_have_both(tmp_path: Path) -> None:
    record = filled(tmp_path).record()
    table = sweep_tables.trials_table(record)
    assert table.columns[2:4] == ["accuracy", "log_loss"] and table.rows[1][2:4] == [0.9, 0.6]
    assert [row[0] for row in table.rows if str(row[-1]).startswith("front: ")] == [1, 3, 4]
    front = sweep_tables.front_table(record)
    assert [row[:3] for row in front.rows] == [[0.9, 0.6, 1], [0.8, 0.4, 3], [0.4, 0.1, 4]]
    assert sweep_tables.line(record.trials[3], record, 8).endswith("accuracy 0.8000, log_loss 0.4000 (on the front)")
    drawn = page(record, "s", [{"/epochs": 0.7}, {"/epochs": 0.2}])
    assert "The front" in drawn and "maximize accuracy and minimize log_loss" in drawn
    assert "What matters to accuracy" in drawn and "What matters to log_loss" in drawn
    assert '<polyline class="line ' in drawn and "log_loss" in drawn.split("<svg", 2)[2]
    write(record, tmp_path / "trials.csv")
    head, first, *_ = (tmp_path / "trials.csv").read_text().splitlines()
    assert head.startswith("trial,state,accuracy,log_loss,/epochs") and first.startswith("0,complete,0.5,0.5,0")


def test_a_digest_keeps_the_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_digest, "WORTH", 200)
    monkeypatch.setattr(journal_digest, "RECENT", 1)
    folder = filled(tmp_path)
    folder.seen(1)
    found = folder.seen(1)
    assert [trial.number for trial in found.front()] == [1, 3, 4] and len(found.trials) == 4
    assert sweep_tables.document(found, "s", 1) == sweep_tables.document(folder.record(), "s", 1)


@pytest.mark.parametrize("method", ["random", "tpe", "gp"])
@pytest.mark.slow
@pytest.mark.warm
def test_what_is_tried_next_goes_by_both_and_is_the_same_after_an_interruption(method: str) -> None:
    document = sweep(method=method, trials=14, metric=TWO, space={"model.spec.k_factor": {"min": 4.0, "max": 64.0}})

    def play(asker: Any, record: Record, upto: int, loss: Callable[[float], float]) -> None:
        while (number := len(record.trials)) < upto:
            values = asker.next(number)
            record.take({"event": "asked", "trial": number, "values": values})
            record.take({"event": "told", "trial": number, "at": 1, "value": 0.5})
            assert not asker.told(number, 1, 0.5)
            factor = values["/model/spec/k_factor"]
            value, second = 1 - abs(factor - 50) / 64, loss(factor)
            record.take({"event": "ended", "trial": number, "state": "complete", "value": value, "second": second})
            asker.ended(number, TrialState.COMPLETE, value, second)

    def near(factor: float) -> float:
        return abs(factor - 10) / 64

    whole, cut, other = (Record(aims=(Aim("accuracy", "maximize"), Aim("log_loss", "minimize"))) for _ in range(3))
    play(chooser(document), whole, 12, near)
    play(chooser(document), cut, 10, near)
    again = chooser(document)
    assert again.replay(cut.steps) == ({}, None)
    play(again, cut, 12, near)
    assert [trial.values for trial in cut.trials.values()] == [trial.values for trial in whole.trials.values()]
    if method != "random":
        # Another second metric draws others.
        play(chooser(document), other, 12, lambda factor: -near(factor))
        assert [trial.values for trial in other.trials.values()] != [trial.values for trial in whole.trials.values()]


@pytest.mark.slow
@pytest.mark.warm
def test_a_sweep_of_two_metrics_lists_its_front_and_stores_none_as_the_best(make_desk: Callable[[], Desk]) -> None:
    desk = make_desk()
    document = sweep(trials=4, metric=[{"name": "accuracy"}, {"name": "log_loss"}], keep_models="best", method="random")
    file = desk.write("sweep.json", document)
    ran = desk("sweep", "run", file, "--executor", "local").ok()
    assert "two metrics, so that none is stored as the best" in ran.out and "The front" in ran.out
    found = desk("sweep", "best", "ratings-sweep", "--json").ok().json
    shown = desk("sweep", "show", "ratings-sweep", "--json").ok().json
    assert [each["trial"] for each in found["front"]] == shown["front"]
    for trial in shown["trials"]:
        if trial["state"] == "complete":
            assert trial["second"] == trial["metrics"]["log_loss"] and trial["value"] == trial["metrics"]["accuracy"]
    stored = {model["model"] for model in desk("models", "--json").ok().json["models"]}
    assert stored == {each["model"] for each in found["front"]}
    # Both are in the journal, and nothing is trained again.
    before = len(list(Journal(desk.home / "sweeps" / "ratings-sweep").lines()))
    assert json.loads(desk("sweep", "run", file, "--executor", "local", "--json").ok().out)["front"] == shown["front"]
    assert len(list(Journal(desk.home / "sweeps" / "ratings-sweep").lines())) == before
