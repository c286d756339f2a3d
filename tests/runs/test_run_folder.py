"""The run's directory: states, the lock, events and checkpoints."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import SafetensorError

from runner.errors import ConflictError, EnvironmentProblem, NotFoundError
from runner.runs.checkpoints import RunCheckpoints
from runner.runs.events import EventReader, EventWriter
from runner.runs.run_folder import FOLLOWS, Run, State, all_runs, find_run
from runner.store.tensors import as_torch
from tests.conftest import without_rights

IMPORTS = "from pathlib import Path; from runner.runs.run_folder import Run"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "runs", "a name", {"spec": {}, "plan": {"model_type": "k", "name": "a name"}})


def test_a_new_run_is_pending_and_has_its_documents(run):
    assert run.state().state == State.PENDING
    assert run.document("plan")["model_type"] == "k"
    assert (run.path / "checkpoints").is_dir()
    assert "a-name" in run.id


def test_two_runs_of_one_second_do_not_share_a_directory(tmp_path):
    made = {Run.create(tmp_path, "same", {}).id for _ in range(50)}
    assert len(made) == 50
    assert len(list(all_runs(tmp_path))) == 50


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_only_the_moves_that_are_allowed_are_made(run, before, after):
    run.write("state", {"state": before, "created": 0})
    if after in FOLLOWS[before]:
        assert run.transition(after).state == after
    else:
        with pytest.raises(ConflictError, match=f"a {before} run cannot become {after}"):
            run.transition(after)
        assert run.document("state")["state"] == before


def _hold(path: Path, ready: multiprocessing.synchronize.Event) -> None:
    held = Run(path)
    with held.lock():
        held.transition(State.RUNNING)
        ready.set()
        time.sleep(60)


@pytest.mark.slow
@pytest.mark.warm
def test_a_run_whose_supervisor_died_is_found_and_marked_interrupted(run):
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    supervisor = spawn.Process(target=_hold, args=(run.path, ready))
    supervisor.start()
    assert ready.wait(300)
    assert run.state().state == State.RUNNING
    with pytest.raises(ConflictError, match="executed by another process"), run.lock(timeout=0.1):
        pass
    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.join()
    state = run.state()
    assert state.state == State.INTERRUPTED
    assert "gone" in state.note
    assert run.document("state")["state"] == State.INTERRUPTED, "it is written down, not only said"


def test_ids_are_in_utc_and_the_last_run_is_the_one_made_last_wherever_it_was_made(tmp_path):
    names = {"Asia/Tokyo": "early", "America/Los_Angeles": "later", "UTC": "latest"}
    for zone, name in names.items():
        make_elsewhere(tmp_path, name, TZ=zone)
    assert [run.id.split("-")[2] for run in all_runs(tmp_path)] == ["latest", "later", "early"]
    stamps = [datetime.strptime(run.id[:15], "%Y%m%d-%H%M%S") for run in all_runs(tmp_path)]
    assert max(stamps) - min(stamps) < timedelta(hours=1)


def test_a_run_of_an_earlier_version_has_its_place_by_its_id(tmp_path):
    old = Run.create(tmp_path, "old", {})
    old.path.rename(tmp_path / "20200101-000000-old-aaaa")
    (tmp_path / "20200101-000000-old-aaaa" / "state.json").write_text('{"state": "succeeded"}')
    new = Run.create(tmp_path, "new", {})
    assert [run.id for run in all_runs(tmp_path)] == [new.id, "20200101-000000-old-aaaa"]
    assert find_run(tmp_path, "last").id == new.id


def test_a_run_that_ended_before_it_began_is_told_so_and_can_be_taken_up_or_closed(tmp_path):
    for follow in (State.RUNNING, State.CANCELLED):
        make_elsewhere(tmp_path, "x")
        found = find_run(tmp_path, "last")
        assert found.state().state == State.INTERRUPTED
        assert "never begun" in found.document("state")["note"]
        assert found.transition(follow).state == follow


def test_a_pending_run_whose_maker_lives_is_pending(run):
    assert run.state().state == State.PENDING


def test_a_live_run_is_running_to_who_cannot_look_at_its_lock(run):
    with run.lock():
        run.transition(State.RUNNING)
        (run.path / ".lock").chmod(0)
        state = seen_without_rights(run.path)
    assert state["state"] == State.RUNNING


def test_a_run_of_another_machine_is_running_as_far_as_can_be_told(run):
    run.transition(State.RUNNING)
    document = run.document("state")
    run.write("state", document | {"process": document["process"] | {"host": "another"}})
    (run.path / ".lock").touch()
    (run.path / ".lock").chmod(0)
    state = seen_without_rights(run.path)
    assert state["state"] == State.RUNNING
    assert "as far as can be told" in state["note"]


def test_a_dead_run_in_a_folder_that_may_not_be_written_is_told_as_interrupted(run):
    run.transition(State.RUNNING)
    document = run.document("state")
    # A number that no process has.
    run.write("state", document | {"process": document["process"] | {"pid": 2**22 + 1}})
    run.path.chmod(0o555)
    state = seen_without_rights(run.path)
    run.path.chmod(0o755)
    assert state["state"] == State.INTERRUPTED
    assert run.document("state")["state"] == State.RUNNING


def seen_without_rights(path: Path) -> dict:
    """The state of a run as somebody sees it whom permissions hold for."""
    code = f"import json; {IMPORTS}; print(json.dumps(Run(Path({str(path)!r})).state().to_document()))"
    done = subprocess.run([*without_rights(), sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def make_elsewhere(runs: Path, name: str, **variables: str) -> None:
    """A run that a process of its own makes, which then ends."""
    code = f"{IMPORTS}; Run.create(Path({str(runs)!r}), {name!r}, {{}})"
    subprocess.run([sys.executable, "-c", code], env=os.environ | variables, check=True)


def test_on_a_full_disk_a_dead_run_is_told_as_interrupted_all_the_same(run, monkeypatch):
    run.transition(State.RUNNING)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert run.state().state == State.INTERRUPTED
    assert run.document("state")["state"] == State.RUNNING


def test_a_checkpoint_on_a_full_disk_leaves_no_half_of_one_and_says_that_the_disk_is_full(run, monkeypatch):
    def full(_: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    checkpoints = RunCheckpoints(run.path / "checkpoints", lambda event, **fields: None)
    with pytest.raises(EnvironmentProblem, match="disk is full"):
        checkpoints.save(1, {"x": np.ones(10)}, {})
    assert list((run.path / "checkpoints").iterdir()) == []
    assert checkpoints.latest() is None


def test_runs_are_found_by_id_by_part_by_path_and_as_the_last_one(tmp_path):
    first = Run.create(tmp_path, "apple", {})
    second = Run.create(tmp_path, "pear", {})
    os.rename(second.path, tmp_path / f"99999999-{second.id}")
    second = Run(tmp_path / f"99999999-{second.id}")
    assert find_run(tmp_path, first.id).id == first.id
    assert find_run(tmp_path, "apple").id == first.id
    assert find_run(tmp_path, str(first.path)).id == first.id
    assert find_run(tmp_path, "last").id == second.id
    with pytest.raises(ConflictError, match="fits 2 runs"):
        find_run(tmp_path, "-")
    with pytest.raises(NotFoundError, match="no run 'plum'"):
        find_run(tmp_path, "plum")


def test_a_reader_sees_each_event_once_and_never_half_of_one(run):
    writer, reader = EventWriter(run.path), EventReader(run.path)
    writer.emit("epoch", epoch=1, metrics={"loss": float("nan"), "accuracy": np.float32(0.5)})
    (event,) = reader.new()
    assert event.metrics == {"loss": None, "accuracy": 0.5}
    with (run.path / "events.jsonl").open("ab") as file:
        file.write(b'{"event": "epo')
        file.flush()
        assert list(reader.new()) == []
        file.write(b'ch", "epoch": 2}\n')
    assert [event.epoch for event in reader.new()] == [2]
    assert list(reader.new()) == []


def test_a_torn_line_in_the_middle_costs_that_line_only(run):
    (run.path / "events.jsonl").write_bytes(b'{"event": "a"}\n{"event": "b\x00\n{"event": "c"}\n')
    assert [event.event for event in EventReader(run.path).new()] == ["a", "c"]


def test_checkpoints_come_back_to_the_bit_and_two_are_kept(run):
    said: list[str] = []
    checkpoints = RunCheckpoints(run.path / "checkpoints", lambda event, **fields: said.append(event))
    assert checkpoints.latest() is None
    for step in (1, 2, 3):
        weights = torch.full((2, 3), float(step), dtype=torch.float32)
        checkpoints.save(step, {"weights": weights, "order": np.arange(step)}, {"epoch": step})
    latest = checkpoints.latest()
    assert (latest.step, latest.state) == (3, {"epoch": 3})
    np.testing.assert_array_equal(latest.tensors["weights"], np.full((2, 3), 3.0, np.float32))
    np.testing.assert_array_equal(latest.tensors["order"], np.arange(3))
    assert len(list((run.path / "checkpoints").glob("0*"))) == 2
    assert said == ["checkpoint"] * 3


def test_a_checkpoint_of_half_precision_comes_back_to_the_bit(run):
    checkpoints = RunCheckpoints(run.path / "checkpoints", lambda event, **fields: None)
    weights = torch.linspace(-3, 3, 7).to(torch.bfloat16)
    checkpoints.save(1, {"weights": weights, "order": np.arange(3)}, {})
    latest = checkpoints.latest()
    assert torch.equal(as_torch(latest.tensors["weights"]), weights)
    np.testing.assert_array_equal(latest.tensors["order"], np.arange(3))


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before_and_said(run, damage):
    said: list[dict] = []
    checkpoints = RunCheckpoints(
        run.path / "checkpoints", lambda event, **fields: said.append({"event": event} | fields)
    )
    checkpoints.save(1, {"x": np.ones(4)}, {})
    checkpoints.save(2, {"x": np.ones(4)}, {})
    tensors = run.path / "checkpoints" / "0000000002" / "tensors.safetensors"
    whole = tensors.read_bytes()
    if damage == "flip":
        tensors.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    elif damage == "cut":
        tensors.write_bytes(whole[:-3])
    else:
        tensors.unlink()
    assert checkpoints.latest().step == 1
    assert "step 2" in said[-1]["message"]


def test_state_is_written_whole_or_not_at_all(run, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = (run.path / "state.json").read_text()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Exception, match="disk is full"):
        run.transition(State.RUNNING)
    assert (run.path / "state.json").read_text() == before
    assert not [path for path in run.path.iterdir() if path.name.startswith(".state")]
    json.loads(before)
