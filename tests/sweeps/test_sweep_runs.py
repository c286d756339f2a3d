"""Sweeps from the command line: trained, interrupted, killed, gone on with, and the best stored."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from runner.sweeps.journal import Journal
from tests.conftest import Desk
from tests.holding import wait
from tests.sweeps.sweep_documents import BASE, sweep, told

pytestmark = [pytest.mark.slow, pytest.mark.warm]
NAME = "ratings-sweep"
PRUNED = {"trials": 5, "seed": 3, "prune": {"kind": "median", "warmup_trials": 1}}


def lines(desk: Desk) -> list[dict[str, Any]]:
    return list(Journal(desk.home / "sweeps" / NAME).lines())


def run(desk: Desk, document: dict[str, Any], *words: object) -> Any:
    file = desk.write("sweep.json", document)
    return desk("sweep", "run", file, "--executor", "local", "--json", *words)


def killed_after(desk: Desk, document: dict[str, Any], count: int, number: int = signal.SIGKILL) -> None:
    """Begin a sweep and end its process once the journal has so many lines."""
    file = desk.write("sweep.json", document)
    process = desk.start_copy("sweep", "run", file, "--executor", "local")
    wait(lambda: len(lines(desk)) >= count or process.poll() is not None)
    if process.poll() is None:
        os.kill(process.pid, number)
    process.wait(300)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A sweep with pruning that nobody interrupted: its document and its journal's length."""
    desk = Desk(tmp_path_factory.mktemp("whole"))
    document = run(desk, sweep(**PRUNED)).ok().json
    return document, len(lines(desk)), desk


def test_trials_are_ordinary_specs_and_the_best_is_stored(whole: Any) -> None:
    document, _, desk = whole
    states = [trial["state"] for trial in document["trials"]]
    assert len(states) == 5 and "complete" in states and "pruned" in states
    best = desk("sweep", "best", NAME, "--json").ok().json
    values = [trial["value"] for trial in document["trials"] if trial["state"] == "complete"]
    assert best["value"] == max(values)
    assert document["stored_as"] == "elo_scoring/ratings/v1"
    stored = desk("models", "--json").ok().json["models"]
    assert {"elo_scoring/ratings/v1", best["model"]} <= {model["model"] for model in stored}
    alone = desk("train", "--spec-file", best["spec"], "--executor", "local", "--json").ok().json
    assert alone["metrics"] == best["metrics"]
    page = (desk.home / "sweeps" / NAME / "sweep.html").read_text()
    assert page.count("<polyline") >= len(values) and best["model"] in page


def test_a_pruned_run_keeps_no_checkpoint_and_is_closed(whole: Any) -> None:
    document, _, desk = whole
    for trial in document["trials"]:
        if trial["state"] == "pruned":
            run_folder = desk.home / "runs" / trial["run"]
            assert json.loads((run_folder / "state.json").read_text())["state"] in ("cancelled", "succeeded")
            assert not [path for path in (run_folder / "checkpoints").rglob("*") if path.is_file()]


def test_more_of_the_same_goes_on_and_nothing_is_trained_twice(whole: Any, make_desk: Callable[[], Desk]) -> None:
    desk = make_desk()
    document = run(desk, sweep(trials=2)).ok().json
    again = run(desk, sweep(trials=2)).ok().json
    assert told(again) == told(document)
    runs = set(os.listdir(desk.home / "runs"))
    more = run(desk, sweep(trials=3)).ok().json
    assert told(more)[:2] == told(document)
    assert len(set(os.listdir(desk.home / "runs")) - runs) == 1


def test_killed_at_every_line_of_its_journal_it_comes_to_the_same(whole: Any, make_desk: Callable[[], Desk]) -> None:
    document, length, _ = whole
    desk = make_desk()
    for count in range(1, length, 3):
        killed_after(desk, sweep(**PRUNED), count)
    found = run(desk, sweep(**PRUNED)).ok().json
    assert told(found) == told(document)
    names = [run_folder.name[16:-5] for run_folder in (desk.home / "runs").iterdir()]
    assert len(names) == len(set(names)), "one run a trial, however often it was begun"


def test_told_to_stop_it_says_how_to_go_on(make_desk: Callable[[], Desk]) -> None:
    desk = make_desk()
    file = desk.write("sweep.json", sweep(trials=3))
    process = desk.start_copy("sweep", "run", file, "--executor", "local")
    wait(lambda: any(line["event"] == "ended" for line in lines(desk)), process)
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(300) == 75
    shown = desk("sweep", "show", NAME, "--json").ok().json["states"]
    assert shown["running"] == 0 and shown["interrupted"] <= 1
    assert run(desk, sweep(trials=3)).ok().json["states"]["complete"] == 3


def test_two_at_a_time_come_to_all_trials(make_desk: Callable[[], Desk]) -> None:
    found = run(make_desk(), sweep(trials=4, parallel=2, method="random")).ok().json
    assert found["states"]["complete"] == 4
    assert len({trial["name"] for trial in found["trials"]}) == 4


def test_states_of_what_fails_does_not_fit_or_repeats(make_desk: Callable[[], Desk]) -> None:
    desk = make_desk()
    # A run that keeps no row fails; three epochs do not fit; 2 and 2.0 train the same.
    document = sweep(
        method="grid",
        trials=None,
        space={"/epochs": [2, 3], "/model/spec/min_model_occurrences": [1, 100000]},
        constraints=["epochs < 3"],
    )
    found = run(desk, document).ok().json
    assert [trial["state"] for trial in found["trials"]] == ["complete", "failed", "infeasible", "infeasible"]
    assert found["trials"][2]["why"] == "does not fit: epochs < 3"
    assert all(trial["value"] is None for trial in found["trials"][1:])
    shown = desk("sweep", "show", NAME)
    assert "failed" in shown.out and "does not fit" in shown.out
    again = run(desk, document, "--retry-failed").ok().json
    assert [trial["state"] for trial in again["trials"]] == [trial["state"] for trial in found["trials"]]


def test_where_none_is_complete_or_too_many_fail_it_did_not_do_what_it_was_asked(
    make_desk: Callable[[], Desk],
) -> None:
    desk = make_desk()
    none = sweep(method="grid", trials=None, space={"/model/spec/min_model_occurrences": [100000, 200000]})
    ended = run(desk, none)
    assert ended.code == 1 and "no trial is complete: 2 failed" in ended.json["message"]
    stopped = run(make_desk(), sweep(**none["sweep"] | {"on_fail": "stop"}))
    assert stopped.code == 1 and "on_fail is stop" in stopped.json["message"]


def test_a_trial_of_ones_own_is_next(make_desk: Callable[[], Desk]) -> None:
    desk = make_desk()
    run(desk, sweep(trials=1)).ok()
    wrong = desk("sweep", "add", NAME, "--set", "model.spec.k_factor=900", "--set", "epochs=2")
    assert wrong.code == 2 and "no value of" in wrong.err
    missing = desk("sweep", "add", NAME, "--set", "epochs=2")
    assert missing.code == 2 and "/model/spec/k_factor has no value" in missing.err
    desk("sweep", "add", NAME, "--set", "model.spec.k_factor=24", "--set", "epochs=2").ok()
    found = run(desk, sweep(trials=1)).ok().json
    assert found["trials"][1]["values"] == {"/model/spec/k_factor": 24, "/epochs": 2}
    assert found["trials"][1]["state"] == "complete"
    for name in ("trials.csv", "trials.jsonl", "trials.json"):
        desk("sweep", "export", NAME, "--to", name).ok()
    rows = list(csv.DictReader(io.StringIO((desk.home / "trials.csv").read_text())))
    assert rows[1]["/model/spec/k_factor"] == "24" and rows[1]["state"] == "complete"
    assert len((desk.home / "trials.jsonl").read_text().splitlines()) == 2
    assert desk("sweep", "export", NAME, "--to", "trials.xls").code == 2
    assert desk("sweep", "list", "--json").ok().json[0]["trials"] == 2
    near = desk("sweep", "show", "rating-sweep")
    assert near.code == 5 and NAME in near.err


def test_only_the_best_is_kept_where_that_is_asked(make_desk: Callable[[], Desk]) -> None:
    desk = make_desk()
    found = run(desk, sweep(trials=3, keep_models="best")).ok().json
    stored = [model["model"] for model in desk("models", "--json").ok().json["models"]]
    assert sorted(stored) == sorted([found["stored_as"], found["best"]["model"]])
    assert any("keep_models is best" in note for note in found["notes"])


def test_a_dry_run_starts_nothing(make_desk: Callable[[], Desk]) -> None:
    desk = make_desk()
    document = sweep(method="grid", trials=None, space={"/epochs": [1, 2]})
    found = run(desk, document, "--dry-run").ok().json
    assert [child["values"] for child in found["children"]] == [{"/epochs": 1}, {"/epochs": 2}]
    assert not (desk.home / "sweeps").exists() and not (desk.home / "runs").exists()


def test_a_dry_run_says_which_of_a_grid_are_not_trained(make_desk: Callable[[], Desk]) -> None:
    document = sweep(method="grid", trials=None, space={"/epochs": [2, 3, 4]}, constraints=["epochs != 3"])
    desk = make_desk()
    found = run(desk, document, "--dry-run").ok().json
    assert [child["does_not_fit"] for child in found["children"]] == [None, "epochs != 3", None]
    assert found["trained"] == 2
    said = desk("sweep", "run", "sweep.json", "--dry-run").ok().out
    assert said.startswith("2 trials of elo_scoring") and "; 1 more do not fit" in said
    # As many as are asked for are trained, whatever stands before them does not fit.
    found = run(desk, sweep(**document["sweep"] | {"trials": 2}), "--dry-run").ok().json
    assert [child["values"]["/epochs"] for child in found["children"]] == [2, 3, 4]


def test_a_dry_run_finds_what_one_of_the_values_would_fail_of(make_desk: Callable[[], Desk]) -> None:
    desk = make_desk()
    ended = run(desk, sweep(method="grid", trials=None, space={"/data/dataset": ["sample", "none.jsonl"]}), "--dry-run")
    assert ended.code == 5 and "with data.dataset = 'none.jsonl'" in ended.json["message"]
    assert "measured on other held-out rows" in ended.err


def test_a_metric_that_no_run_has_ends_it_after_the_first_and_another_needs_no_training_again(
    make_desk: Callable[[], Desk],
) -> None:
    desk = make_desk()
    grid: dict[str, Any] = {"method": "grid", "trials": None, "space": {"/epochs": [1, 2]}}
    for _ in range(2):
        ended = run(desk, sweep(**grid, metric={"name": "f2", "goal": "maximize"}))
        assert ended.code == 1
        assert "its run has no f2: it has" in ended.json["message"] and "accuracy" in ended.json["message"]
        assert "/sweep/metric" in ended.json["message"]
        assert len(os.listdir(desk.home / "runs")) == 1
    found = run(desk, sweep(**grid)).ok().json
    assert [trial["state"] for trial in found["trials"]] == ["complete", "complete"]
    assert len(os.listdir(desk.home / "runs")) == 2
    # A terminal has as many digits as count, and JSON all of them.
    best = desk("sweep", "best", NAME, "--json").ok().json["value"]
    for words in (("best", NAME), ("list",)):
        said = desk("sweep", *words).ok().out
        assert f"{best:.6g}" in said and str(best) not in said


def test_nothing_of_another_program_is_on_the_terminal(make_desk: Callable[[], Desk]) -> None:
    desk = make_desk()
    run(desk, sweep(trials=2, space={"/epochs": {"min": 1, "max": 3, "step": 2}})).ok()
    # The first one's values are none of the steps of the second's.
    ended = run(desk, sweep(trials=4, space={"/epochs": {"min": 2, "max": 4, "step": 1}})).ok()
    assert "Warning" not in ended.err


def test_runs_of_a_sweep_are_one_group_on_wandb() -> None:
    from runner.sweeps.trial_specs import child_of

    child = child_of(BASE | {"wandb": {"project": "p"}}, "s", {"/epochs": 2})
    assert child.loaded.spec.wandb is not None and child.loaded.spec.wandb.experiment_name == "s"


def test_time_that_is_spent_begins_no_more(make_desk: Callable[[], Desk]) -> None:
    found = run(make_desk(), sweep(trials=50, time_budget=0.001)).ok().json
    assert found["states"]["complete"] == 1
    assert any("time budget" in note for note in found["notes"])
