"""A job that its engine starts again, while the lease of its former start has not lapsed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from runner.engines import run_root
from runner.engines.run_root import AttemptEnd, How, RunRoot
from runner.engines.storage import open_storage
from runner.errors import ExitCode
from runner.execution import remote_entry


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunRoot:
    """A run whose first attempt, of submission 1, was at it a moment ago."""
    found = RunRoot(open_storage(str(tmp_path)), "elo-1")
    found.write("spec.json", {"run": {"engine": {"interruptions": 5}, "retries": 0}})
    found.write("plan.json", {})
    assert found.claim(1, "former", time.time(), 1)
    monkeypatch.setattr(remote_entry._Attempt, "carry_out", lambda self: int(ExitCode.DONE))
    monkeypatch.setattr(remote_entry, "LOOK_EVERY", 0.01)
    return found


def test_it_waits_for_the_lease_to_lapse_and_goes_on(root: RunRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(remote_entry.SUBMISSION, "1")
    monkeypatch.setattr(run_root, "LAPSED_AFTER", 0.3)
    assert remote_entry.work_remotely(root.address) == ExitCode.DONE
    assert [attempt.number for attempt in root.attempts()] == [1, 2]


def test_a_lease_that_is_given_back_is_not_waited_out(root: RunRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(remote_entry.SUBMISSION, "1")
    judged = remote_entry.judge

    def ends_meanwhile(*words: object) -> object:
        found = judged(*words)  # type: ignore[arg-type]
        root.create("attempts/0001/end.json", AttemptEnd(how=How.INTERRUPTED, exit_code=75))
        return found

    monkeypatch.setattr(remote_entry, "judge", ends_meanwhile)
    assert remote_entry.work_remotely(root.address) == ExitCode.DONE
    assert [attempt.number for attempt in root.attempts()] == [1, 2]


@pytest.mark.parametrize("submission", ["2", ""])
def test_another_job_leaves_at_once(submission: str, root: RunRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(remote_entry.SUBMISSION, submission)
    assert remote_entry.work_remotely(root.address) == ExitCode.NOT_FOUND_OR_CONFLICT
    assert [attempt.number for attempt in root.attempts()] == [1]


def test_a_former_start_that_lives_on_is_left_alone(root: RunRoot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(remote_entry.SUBMISSION, "1")
    monkeypatch.setattr(run_root, "LAPSED_AFTER", 0.2)
    monkeypatch.setattr(RunRoot, "silent_for", lambda self, number: 0.0)
    assert remote_entry.work_remotely(root.address) == ExitCode.NOT_FOUND_OR_CONFLICT
    assert [attempt.number for attempt in root.attempts()] == [1]
