"""What a run on an engine promises, whatever becomes of nodes, engines, storages and whoever waits."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from runner.cli import remote
from runner.engines import run_orders
from runner.engines.engine import EngineState, EngineStatus, Order
from runner.engines.run_root import How, RunRoot
from runner.engines.storage import FolderStorage, need_exclusive
from runner.engines.verdict import Budget, Standing, judge
from runner.errors import ConflictError, DataError, EnvironmentProblem, ExitCode, Stopped
from runner.execution import remote_control, train_and_resume
from runner.execution.remote_entry import work_remotely
from runner.runs.run_folder import State
from runner.spec.checking import LoadedSpec, load
from tests.engines.process_engine import ProcessEngine, kill_all
from tests.examples import example
from tests.holding import wait


def job() -> psutil.Popen:
    """The engine's newest job."""
    return list(ProcessEngine.jobs.values())[-1]


@pytest.mark.slow
def test_a_second_start_does_nothing(cluster):
    """While it is trained, and when it is done; whoever asks for the same spec has the model of the one training."""
    cluster.hold("epoch:3")
    first = cluster.begin()
    cluster.reached()
    address = cluster.run().address
    assert work_remotely(address) == ExitCode.NOT_FOUND_OR_CONFLICT
    # A second user, who follows the run of the first; a head that takes it for failed decides nothing.
    second = cluster.begin(log={"print_every": 2})
    ProcessEngine.says["*"] = EngineStatus(EngineState.ENDED, why="the head was lost", exit_code=1)
    cluster.go_on()
    made, same = first.result(), second.result()
    assert made.metrics == same.metrics
    assert work_remotely(address) == ExitCode.DONE
    again = cluster.train(run={"cpus": 1})
    assert again.metrics == made.metrics
    assert len(ProcessEngine.orders) == 1
    assert [attempt.number for attempt in cluster.run().attempts()] == [1]
    assert [path.name for path in sorted((cluster.home / "models/elo_scoring/elo").glob("v*"))] == ["v1", "v2", "v3"]
    bytes_of = {(path / "scores.safetensors").read_bytes() for path in (cluster.home / "models").rglob("v*")}
    assert len(bytes_of) == 1


@pytest.mark.slow
def test_a_lost_node_costs_a_checkpoint_interval_and_no_retry(cluster):
    """Everything on it is killed. A checkpoint that was half on its way is passed over."""
    whole = cluster.train(engine={"label": "whole"})
    cluster.hold("epoch:3")
    going_on = cluster.begin(engine={"label": "lost"})
    cluster.reached()
    lost = RunRoot(FolderStorage(cluster.root), next(path.name for path in cluster.root.glob("*-lost")))
    kept = cluster.root / lost.id / "checkpoints"
    wait((kept / "0000000001.0001/MANIFEST.json").exists)
    half = kept / "0000000002.0001"
    half.mkdir()
    (half / "tensors.safetensors").write_bytes(b"half")
    kill_all(job())
    cluster.go_on()
    _silent(cluster.root / lost.id, 1)
    finished = going_on.result()
    assert finished.metrics == whole.metrics
    ends = [attempt.end.how if attempt.end else None for attempt in lost.attempts()]
    assert ends == [None, How.DONE]
    events = [json.loads(line) for line in (finished.run.path / "events.jsonl").read_text().splitlines()]
    second = events[[each["event"] for each in events].index("started") + 1 :]
    second = second[[each["event"] for each in second].index("started") :]
    assert [each["epoch"] for each in second if each["event"] == "epoch"] == [2, 3]
    told = [each["message"] for each in events if each["event"] == "warning"]
    assert any("passed over the checkpoint checkpoints/0000000002.0001" in text for text in told)
    assert any("1 of 5 interruptions" in text for text in told)


@pytest.mark.slow
def test_an_owner_that_comes_back_writes_nothing(cluster):
    """Its machine stood still until another attempt had taken the run over and finished it."""
    cluster.hold("epoch:2")
    followed = cluster.begin()
    cluster.reached()
    first = job()
    family = [psutil.Process(first.pid), *psutil.Process(first.pid).children(recursive=True)]
    for process in family:
        process.send_signal(signal.SIGSTOP)
    cluster.go_on()
    cluster.silent_since_long(1)
    root = cluster.run()
    assert work_remotely(root.address) == ExitCode.DONE
    before = sorted(root.storage.tree(""))
    for process in family:
        process.send_signal(signal.SIGCONT)
    assert first.wait() == ExitCode.NOT_FOUND_OR_CONFLICT
    assert root.done().attempt == 2
    assert root.attempt(1).end.how is How.SUPERSEDED
    added = set(root.storage.tree("")) - set(before)
    assert all(key.startswith("attempts/0001/") for key in added)
    assert not any("artifact" in key for key in added)
    assert followed.result().run.state().state is State.SUCCEEDED


@pytest.mark.slow
def test_a_cancelled_run_saves_a_checkpoint_and_stays_cancelled(cluster):
    """However often it is cancelled, and whatever starts it again."""
    cluster.hold("epoch:2")
    followed = cluster.begin()
    cluster.reached()
    root = cluster.run()
    told: list[str] = []
    storm = [threading.Thread(target=lambda: told.append(remote_control.cancel(root, 120))) for _ in range(4)]
    for thread in storm:
        thread.start()
    for thread in storm:
        thread.join()
    assert len(told) == 4 and all(text.startswith("the last process ended") for text in told)
    assert job().wait() == ExitCode.DONE
    assert root.attempt(1).end.how is How.CANCELLED
    assert root.attempt(1).end.stop_seconds is not None
    assert cluster.there("checkpoints/0000000002.0001/MANIFEST.json")
    with pytest.raises(Stopped, match="cancelled"):
        followed.result()
    assert work_remotely(root.address) == ExitCode.DONE
    assert len(root.attempts()) == 1
    with pytest.raises(ConflictError, match="cancelled") as refused:
        cluster.train()
    assert "run.engine.label" in refused.value.hint


@pytest.mark.slow
def test_a_bad_spec_is_never_tried_again(cluster):
    """Nor by an engine that starts its job again. What it says is there when the engine is gone."""
    with pytest.raises(DataError, match="no comparison is left"):
        cluster.train(kind={"min_model_occurrences": 1000}, run={"retries": 3})
    root = cluster.run()
    assert job().wait() == ExitCode.DATA
    assert work_remotely(root.address) == ExitCode.DATA
    assert len(root.attempts()) == 1
    assert len(ProcessEngine.orders) == 1


@pytest.mark.slow
def test_it_is_stopped_left_and_gone_on_with(cluster, capsys):
    """A signal on the node: a checkpoint, exit 75, and the budget of errors is whole. All of it is read and fetched
    from the directory, by somebody else, when the cluster is gone."""
    cluster.hold("epoch:2")
    run = train_and_resume.leave(cluster.spec(), cluster.workspace)
    assert run.state().state is State.INTERRUPTED and "goes on there" in run.state().note
    cluster.reached()
    root, node = cluster.run(), job()
    node.terminate()
    assert node.wait() == ExitCode.STOPPED
    assert root.attempt(1).end.how is How.INTERRUPTED
    assert judge(root, Budget()).errors == 0
    cluster.go_on()
    finished = train_and_resume.resume(run.id, cluster.workspace)
    assert [attempt.end.how for attempt in root.attempts()] == [How.INTERRUPTED, How.DONE]
    ProcessEngine.reset(cluster.home)
    remote.logs(root.address, json=True)
    told = json.loads(capsys.readouterr().out)
    epochs = [each["epoch"] for each in told["events"] if each["event"] == "epoch"]
    assert epochs == [1, 2, 3]
    assert told["next"]["attempt"] == 2
    remote.status(root.address)
    assert "done" in capsys.readouterr().out
    elsewhere = cluster.home / "elsewhere"
    elsewhere.mkdir()
    made, model = remote_control.fetch(remote_control.Named(root), type(cluster.workspace).below(elsewhere))
    assert made.state().state is State.SUCCEEDED
    there, here = model.path / "scores.safetensors", finished.model.path / "scores.safetensors"
    assert there.read_bytes() == here.read_bytes()


@pytest.mark.slow
def test_a_run_of_two_processes_goes_on_with_one(cluster):
    """At its next step; the number of processes is not what makes it another run. That both learn the same is shown of
    runs here (tests/execution/test_processes.py)."""
    document = example("sft")
    document["model"]["spec"] |= {"evaluation": {"every": 2}, "max_steps": 4}

    def asked(processes: int) -> LoadedSpec:
        run = {"executor": "slurm", "gpus": 0, "processes": processes, "engine": {"root": str(cluster.root)}}
        return load(json.dumps(document | {"run": run}), source="spec.json")

    cluster.hold("step:1")
    train_and_resume.leave(asked(2), cluster.workspace)
    cluster.reached()
    node = job()
    node.terminate()
    assert node.wait() == ExitCode.STOPPED
    cluster.go_on()
    finished = train_and_resume.train(asked(1), cluster.workspace)
    root = cluster.run()
    assert [attempt.end.how for attempt in root.attempts()] == [How.INTERRUPTED, How.DONE]
    events = [json.loads(line) for line in (finished.run.path / "events.jsonl").read_text().splitlines()]
    assert [each.get("processes", 1) for each in events if each["event"] == "started"] == [2, 1]
    assert [each["step"] for each in events if each["event"] == "step"] == [2, 4]


@pytest.fixture
def root(tmp_path: Path) -> RunRoot:
    return RunRoot(FolderStorage(tmp_path), "elo-0123456789ab")


def test_clocks_of_machines_are_not_compared(root, monkeypatch):
    """Neither the owner's, a day ahead, nor that of whoever looks, a day behind."""
    assert root.claim(1, "owner", at=time.time() + 86400)
    monkeypatch.setattr(time, "time", lambda: 1.0)
    assert judge(root, Budget(5)).standing is Standing.RUNNING
    _silent(Path(root.address), 1)
    found = judge(root, Budget(5))
    assert (found.standing, found.lost, found.interruptions) == (Standing.INTERRUPTED, True, 1)
    assert judge(root, Budget(0)).standing is Standing.FAILED


def test_an_attempt_is_taken_by_one(root):
    taken: list[str] = []

    def take(owner: str) -> None:
        if root.claim(1, owner, at=0.0):
            taken.append(owner)

    threads = [threading.Thread(target=take, args=(f"owner {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1
    assert root.attempt(1).claim.owner == taken[0]


class NamedJobs:
    """An engine that starts a name once, and counts how often it was asked."""

    name = "slurm"

    def __init__(self) -> None:
        self.jobs: dict[str, Order] = {}
        self.state = EngineState.PENDING

    def submit(self, order: Order) -> str:
        self.jobs.setdefault(order.name, order)
        return order.name

    def status(self, job: str) -> EngineStatus:
        return EngineStatus(self.state)


def test_submitting_at_the_same_moment_makes_one_job(root):
    engine = NamedJobs()
    order = lambda number: Order(name="", command=("runner",))  # noqa: E731
    found: list[run_orders.Submitted] = []
    threads = [threading.Thread(target=lambda: found.append(run_orders.submit(root, engine, order))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1
    assert list(engine.jobs) == ["elo-0123456789ab-1"]
    engine.state = EngineState.ENDED
    assert run_orders.submit(root, engine, order).number == 2


def test_a_storage_that_may_not_be_written_is_refused():
    with pytest.raises(EnvironmentProblem, match="refuses") as refused:
        need_exclusive(FolderStorage(Path("/proc/self")))
    assert refused.value.where.startswith("/run/engine/root")


def test_a_storage_that_lets_two_make_a_file_is_refused(tmp_path):
    class Careless(FolderStorage):
        def create(self, key: str, data: bytes) -> bool:
            self.write(key, data)
            return True

    with pytest.raises(EnvironmentProblem, match="lets two make the same file"):
        need_exclusive(Careless(tmp_path))
    assert not list(tmp_path.iterdir())
    need_exclusive(FolderStorage(tmp_path))
    assert not list(tmp_path.iterdir())


def _silent(run: Path, number: int) -> None:
    import os

    for name in ("lease.json", "claim.json"):
        path = run / "attempts" / f"{number:04d}" / name
        os.utime(path, (path.stat().st_mtime - 86400,) * 2)
