"""An attempt's words and checkpoints on their way, while storages go away and other attempts begin."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.engines import mirror as mirrors
from runner.engines.mirror import CancelledRun, Mirror, Superseded, patiently
from runner.engines.run_root import Cancelled, RunRoot
from runner.engines.storage import FolderStorage
from runner.errors import EnvironmentProblem, RunnerError
from tests.engines.local_runs import checkpoint
from tests.holding import wait


@pytest.fixture
def root(tmp_path: Path) -> RunRoot:
    return RunRoot(FolderStorage(tmp_path / "root"), "elo-1")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def test_what_is_said_goes_up_in_pieces_of_whole_lines(root, run):
    root.claim(1, "me", at=0.0)
    mirror = Mirror(root, 1, "me", run, lambda error: None)
    (run / "events.jsonl").write_text('{"event": "started"}\n{"event": "ep')
    (run / "log.txt").write_text("half a li")
    mirror.copy()
    mirror.copy()
    with (run / "events.jsonl").open("a") as events:
        events.write('och"}\n')
    (run / "lock.json").write_text("{}")
    checkpoint(run, 4)
    mirror.copy()
    tree = root.storage.tree("")
    assert [key for key in tree if "/events/" in key] == [
        "attempts/0001/events/000000000000",
        "attempts/0001/events/000000000021",
    ]
    assert root.storage.read("attempts/0001/events/000000000021") == b'{"event": "epoch"}\n'
    assert root.storage.read("attempts/0001/log/000000000000") == b"half a li"
    assert root.storage.read("attempts/0001/lock.json") == b"{}"
    assert "checkpoints/0000000004.0001/MANIFEST.json" in tree


def test_one_that_was_taken_over_writes_no_checkpoint(root, run):
    root.claim(1, "me", at=0.0)
    stopped: list[RunnerError] = []
    mirror = Mirror(root, 1, "me", run, stopped.append)
    checkpoint(run, 4)
    root.claim(2, "another", at=0.0)
    with pytest.raises(Superseded, match="attempt 2 has taken the run over"):
        mirror.copy()
    assert root.storage.tree("checkpoints") == []
    mirror.keep_lease()
    wait(lambda: stopped)
    mirror.close()
    assert isinstance(stopped[0], Superseded)


def test_a_checkpoint_that_came_from_there_does_not_go_back(root, run):
    root.claim(1, "me", at=0.0)
    mirror = Mirror(root, 1, "me", run, lambda error: None)
    checkpoint(run, 4)
    mirror.follow()
    mirror.close()
    mirror.copy()
    assert root.storage.tree("checkpoints") == []


def test_a_cancelled_run_is_seen_and_the_lease_is_kept(root, run):
    root.claim(1, "me", at=0.0)
    stopped: list[RunnerError] = []
    mirror = Mirror(root, 1, "me", run, stopped.append)
    mirror.look()
    assert root.document("attempts/0001/lease.json") == {"owner": "me", "renewed": 1}
    assert not stopped
    root.write("cancelled.json", Cancelled())
    mirror.look()
    assert isinstance(stopped[0], CancelledRun)


def test_a_storage_that_is_away_is_asked_again(root, run, monkeypatch):
    """The training hears of it when it stays away, and not before."""
    root.claim(1, "me", at=0.0)
    stopped: list[RunnerError] = []
    mirror = Mirror(root, 1, "me", run, stopped.append)
    (run / "log.txt").write_text("said")
    refusals = iter(range(3))

    def write(key: str, data: bytes) -> None:
        if next(refusals, None) is not None:
            raise EnvironmentProblem("the storage of runs refuses: away", retryable=True)
        FolderStorage.write(root.storage, key, data)

    monkeypatch.setattr(root.storage, "write", write)
    monkeypatch.setattr(mirrors, "FIRST_PAUSE", 0.01)
    mirror.follow()
    wait(lambda: root.storage.read("attempts/0001/log/000000000000"))
    assert not stopped
    refusals = iter(range(10**6))
    (run / "log.txt").write_text("said more")
    monkeypatch.setattr(mirrors, "PATIENCE", 0.0)
    wait(lambda: stopped)
    mirror.close()
    assert isinstance(stopped[0], EnvironmentProblem) and "stayed away" in stopped[0].message


def test_the_end_waits_for_the_storage_too():
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise EnvironmentProblem("away", retryable=True)

    patiently(work)
    assert len(tries) == 3

    def full() -> None:
        tries.append(1)
        raise EnvironmentProblem("no such bucket")

    with pytest.raises(EnvironmentProblem, match="bucket"):
        patiently(full)
    assert len(tries) == 4
