"""What who looks at a sweep is told of the trials that were being trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.sweeps import journal_digest
from runner.sweeps.journal import Journal, Record, TrialState
from runner.sweeps.sweep_folder import SweepFolder
from runner.sweeps.sweep_tables import document, trials_table
from runner.sweeps.trial_specs import child_of
from tests.sweeps.sweep_documents import BASE


def begun(folder: Path) -> SweepFolder:
    """A sweep of which a trial was begun, and another is over."""
    sweep = SweepFolder(folder)
    sweep.write_document({"sweep": {}, "base": {}})
    sweep.journal.add("space", hash="0", metric="accuracy", goal="maximize")
    for number in range(2):
        sweep.journal.add("asked", trial=number, values={"/epochs": number}, name=f"s-{number}", identity=str(number))
    sweep.journal.add("ended", trial=0, state="complete", value=0.5)
    return sweep


def test_a_trial_that_nobody_trains_is_interrupted_and_one_that_somebody_does_is_running(tmp_path):
    sweep = begun(tmp_path / "s")
    found = sweep.seen()
    assert [trial.state for trial in found.trials.values()] == [TrialState.COMPLETE, TrialState.INTERRUPTED]
    assert document(found, "s")["states"]["interrupted"] == 1 and found.counted() == 2
    with sweep.lock():
        assert [trial.state for trial in sweep.seen().trials.values()][1] is TrialState.RUNNING
    # Who goes on with it finds it as the journal has it.
    assert sweep.record().trials[1].state is TrialState.RUNNING


def test_a_child_is_named_by_what_it_trains_in_its_document_too():
    child = child_of(BASE, "s", {"/epochs": 2})
    assert child.name == f"s-{child.identity[:8]}" == child.loaded.document.value["model"]["name"]
    assert child.loaded.spec.model.name == child.loaded.value["model"]["name"] == child.name
    line, _ = child.loaded.document.position("/model/name")
    assert child.name in child.loaded.document.text.splitlines()[line - 1]


def long(folder: Path, monkeypatch: pytest.MonkeyPatch, trials: int = 12) -> SweepFolder:
    """A sweep whose journal is long enough for a digest; trial 1 is its best, and trial 3 has failed."""
    monkeypatch.setattr(journal_digest, "WORTH", 200)
    monkeypatch.setattr(journal_digest, "RECENT", 4)
    sweep = begun(folder)
    sweep.journal.add("ended", trial=1, state="complete", value=0.9, model="k/s/v1")
    for number in range(2, trials):
        sweep.journal.add("asked", trial=number, values={"/epochs": number}, name=f"s-{number}", identity=str(number))
        sweep.journal.add("ended", trial=number, state="failed" if number == 3 else "complete", value=0.1)
    return sweep


def same(short: Record, whole: Record, most: int) -> bool:
    return document(short, "s", most) == document(whole, "s", most) and short.counted() == whole.counted()


def test_a_long_journal_is_read_whole_once_and_then_from_where_the_digest_ends(tmp_path, monkeypatch):
    sweep = long(tmp_path / "s", monkeypatch)
    assert same(sweep.seen(3), sweep.seen(), 3)
    assert document(sweep.seen(3), "s", 3)["trials_left_out"] == 9
    read: list[int] = []
    lines = Journal.lines
    monkeypatch.setattr(Journal, "lines", lambda own, begin=0: read.append(begin) or lines(own, begin))
    sweep.journal.add("asked", trial=12, values={"/epochs": 9}, name="s-12", identity="12")
    found = sweep.seen(3)
    assert read and min(read) > 200
    assert document(found, "s", 3)["best"]["trial"] == 1 and found.trials[12].state is TrialState.INTERRUPTED
    assert same(found, sweep.seen(), 3)
    # More than it has is read from the journal.
    assert len(sweep.seen(5).trials) == 13


@pytest.mark.parametrize(
    "line",
    [
        {"event": "again", "trial": 3},
        {"event": "space", "hash": "1", "metric": "log_loss", "goal": "minimize"},
        {"event": "ended", "trial": 11, "state": "complete", "value": 2.0},
    ],
    ids=["a trial that it left out", "another metric", "a new best"],
)
def test_a_digest_that_does_not_suffice_is_not_gone_by(tmp_path, monkeypatch, line):
    sweep = long(tmp_path / "s", monkeypatch)
    sweep.seen(3)
    sweep.journal.add(**line)
    assert same(sweep.seen(3), sweep.seen(), 3)


@pytest.mark.parametrize("content", ["{}", "not JSON", "[]", '{"form": 1, "read_to": 99999999}'])
def test_a_digest_that_is_none_or_of_another_journal_is_passed_over(tmp_path, monkeypatch, content):
    sweep, other = long(tmp_path / "s", monkeypatch), long(tmp_path / "o", monkeypatch, 15)
    sweep.seen(3)
    (sweep.path / journal_digest.NAME).write_text(content)
    assert same(sweep.seen(3), sweep.seen(), 3)
    other.journal.path.rename(sweep.journal.path)
    assert len(sweep.seen().trials) == 15 and same(sweep.seen(3), sweep.seen(), 3)


def test_trials_that_are_not_shown_are_told_of(tmp_path, monkeypatch):
    sweep = long(tmp_path / "s", monkeypatch)
    table = trials_table(sweep.seen(3), 3)
    assert [row[0] for row in table.rows] == [9, 10, 11] and "9 earlier ones" in table.note
    assert len(trials_table(sweep.seen()).rows) == 12 and not trials_table(sweep.seen()).note
