"""The journal: lines are added, a torn one is none, and a full disk leaves nothing half-written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.errors import ConflictError, EnvironmentProblem, IntegrityError
from runner.sweeps.journal import Journal, Record, TrialState
from runner.sweeps.sweep_folder import SweepFolder


def filled(folder: Path) -> Journal:
    journal = Journal(folder)
    journal.add("space", hash="a", metric="accuracy", goal="maximize")
    journal.add("asked", trial=0, values={"/epochs": 1}, name="n", identity="i")
    journal.add("ended", trial=0, state="complete", value=0.5, seconds=1.5, metrics={"accuracy": 0.5}, model="k/n/v1")
    return journal


def test_a_line_that_a_kill_cut_short_is_none_and_the_next_takes_its_place(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    with journal.path.open("ab") as file:
        file.write(b'{"t": 1, "event": "asked", "tri')
    assert len(Record.read(journal).trials) == 1
    journal.add("asked", trial=1, values={"/epochs": 2})
    found = Record.read(journal)
    assert found.trials[1].values == {"/epochs": 2}
    assert found.trials[1].state is TrialState.RUNNING
    assert found.counted() == 2


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(lines[0] + b"not a line\n" + lines[2])
    with pytest.raises(IntegrityError) as caught:
        Record.read(journal)
    assert str(caught.value.where).endswith("journal.jsonl:2")


def test_what_does_not_fit_on_the_disk_leaves_the_journal_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = filled(tmp_path)
    before = journal.path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(EnvironmentProblem, match="disk is full"):
            journal.add("asked", trial=1, values={})
    assert journal.path.read_bytes() == before


def test_four_states_are_no_numbers_and_the_first_of_equals_is_the_best(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    for number, state in enumerate(("failed", "pruned", "infeasible", "missing metric", "duplicate"), 1):
        journal.add("asked", trial=number, values={"/epochs": number + 1})
        journal.add("ended", trial=number, state=state, value=None, why="so")
    journal.add("asked", trial=6, values={"/epochs": 9})
    journal.add("ended", trial=6, state="complete", value=0.5, seconds=1.0, metrics={}, model="k/m/v1")
    found = Record.read(journal)
    best = found.best()
    assert best is not None and best.number == 0
    # Infeasible ones and repetitions were not begun.
    assert found.counted() == 5


def test_one_process_at_a_time_adds_to_it(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path / "s")
    with folder.lock(), pytest.raises(ConflictError, match="another process"), SweepFolder(tmp_path / "s").lock():
        pass
