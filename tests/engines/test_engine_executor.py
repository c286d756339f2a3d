"""A run that an engine is asked for: what is asked, what is refused, what is followed, and what is told meanwhile."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.cli import remote
from runner.cli.train_dry_run import explain
from runner.engines import names, whole_folders
from runner.engines.engine import EngineState, EngineStatus
from runner.engines.run_root import AttemptEnd, Done, How, RunRoot, Submission, as_bytes, checksum
from runner.engines.storage import FolderStorage
from runner.errors import (
    ConflictError,
    DataError,
    EnvironmentProblem,
    ExitCode,
    Fault,
    IntegrityError,
    NotFoundError,
    SpecError,
    UsageError,
)
from runner.execution import engine_handle, remote_control, replay, train_and_resume
from runner.execution.engine_handle import EngineHandle
from runner.execution.plan import make_plan
from runner.runs.run_documents import Failure, Outcome
from runner.runs.run_folder import Run, State
from runner.spec.canonical import canonical
from runner.spec.checking import load
from runner.workspace import Workspace
from tests.engines.scripted_engine import SCRIPTED_ENGINE, ScriptedEngine

ROWS = [
    {"prompt": f"question {n}", "model_a": "a", "model_b": "b", "winner": "model_a" if n % 3 else "model_b"}
    for n in range(40)
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to submit from, with a root and data in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNNER_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setitem(names.ENGINES, "slurm", SCRIPTED_ENGINE)
    monkeypatch.setattr(engine_handle, "LAST_PAUSE", 0.0)
    monkeypatch.setattr(engine_handle, "ENGINE_PAUSE", 0.0)
    ScriptedEngine.reset()
    (tmp_path / "root").mkdir()
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return tmp_path


def document(place: Path, **changes: Any) -> dict[str, Any]:
    engine = {"root": str(place / "root")} | changes.pop("engine", {})
    run = {"executor": "slurm", "engine": engine} | changes.pop("run", {})
    kind = {"model_type": "elo_scoring", "min_model_occurrences": 1}
    return {
        "model": {"name": "elo", "spec": kind},
        "data": {"dataset": "rows.jsonl"},
        "epochs": 2,
        "run": run,
    } | changes


def spec(place: Path, **changes: Any):
    return load(json.dumps(document(place, **changes)), source="spec.json")


def planned(place: Path, **changes: Any):
    return make_plan(spec(place, **changes), Workspace.below(place))


def begun(place: Path, **changes: Any) -> tuple[Run, EngineHandle, RunRoot]:
    """A local run whose job is with the engine."""
    plan = planned(place, **changes)
    plan.executor.check(plan.job(place))
    run = Run.create(place / "runs", "elo", {"spec": canonical(plan.spec), "plan": plan.document})
    handle = plan.executor.start(plan.job(run.path))
    return run, handle, handle._root


def said(run: Run) -> list[str]:
    lines = (run.path / "events.jsonl").read_text().splitlines() if (run.path / "events.jsonl").exists() else []
    return [each["message"] for each in map(json.loads, lines) if each["event"] == "warning"]


def finish(root: RunRoot, place: Path, number: int = 1) -> None:
    """What the entry would have done on a node."""
    made = place / "made"
    made.mkdir(exist_ok=True)
    (made / "scores.safetensors").write_bytes(b"scores")
    folder = f"attempts/{number:04d}"
    if not root.numbers("attempts"):
        root.claim(number, "node", at=0.0, submission=1)
    artifact = whole_folders.put(root.storage, made, f"{folder}/artifact")
    sums = {}
    for name, value in (
        ("result", {"metrics": {"accuracy": 0.5}, "epochs": 2, "best_epoch": 1}),
        ("tables", {}),
        ("lock", {}),
        ("outcome", {"ok": True, "seconds": 1.0}),
    ):
        root.write(f"{folder}/{name}.json", value)
        sums[name] = checksum(as_bytes(value))
    root.write(f"{folder}/end.json", AttemptEnd(how=How.DONE, exit_code=0))
    root.create("DONE.json", Done(attempt=number, artifact=artifact, documents=sums))


def test_the_order_is_what_the_spec_asks_for(place, monkeypatch):
    monkeypatch.setenv("TOKEN", "a secret")
    run = {"gpus": 2, "cpus": 4, "memory": "8g", "image": "registry/runner:1", "env": ["TOKEN"]}
    engine = {"queue": "gpu", "lifetime": 3600, "stop_grace": 90, "label": "again", "options": {"account": "x"}}
    _, _, root = begun(place, run=run, engine=engine)
    (order,) = ScriptedEngine.orders
    assert root.id.endswith("-again") and order.name == f"{root.id}-1"
    assert order.command == ("runner", "worker", "--root", f"{place}/root/{root.id}")
    assert order.folder == f"{place}/root/{root.id}"
    assert (order.gpus, order.cpus, order.memory, order.image) == (2, 4, 8 * 2**30, "registry/runner:1")
    assert (order.queue, order.time_limit, order.stop_grace, order.options) == ("gpu", 3600, 90, {"account": "x"})
    assert order.secret_names == ("TOKEN",) and "a secret" not in str(order)
    assert not any(b"a secret" in path.read_bytes() for path in place.rglob("*") if path.is_file())
    assert planned(place, engine=engine).job(place).grace > 90


@pytest.mark.parametrize(
    ("run", "engine", "pointer"),
    [
        ({}, {"root": "/proc/self"}, "/run/engine/root"),
        ({}, {"root": "/no/such/folder"}, "/run/engine/root"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_pointer(place, run, engine, pointer):
    plan = planned(place, run=run | {"engine": {"root": str(place / "root")} | engine})
    with pytest.raises(EnvironmentProblem) as refused:
        plan.executor.check(plan.job(place))
    assert refused.value.where.startswith(pointer)
    assert not ScriptedEngine.orders and not list((place / "root").iterdir())


@pytest.mark.parametrize(("field", "value"), [("gpus", "all"), ("network", False)])
def test_what_no_engine_can_have_is_a_fault_of_the_spec(place, field, value):
    with pytest.raises(SpecError) as refused:
        spec(place, run={field: value})
    assert [fault.pointer for fault in refused.value.faults] == [f"/run/{field}"]


def test_what_an_engine_refuses_has_its_line_whenever_it_is_found(place):
    text = json.dumps(document(place, engine={"queue": "gpu"}), indent=2)
    for begin in (train_and_resume.train, train_and_resume.leave):
        ScriptedEngine.refuses = SpecError([Fault("is no queue of this cluster", "/run/engine/queue")])
        with pytest.raises(SpecError) as refused:
            begin(load(text, source="spec.json"), Workspace.below(place))
        (fault,) = refused.value.faults
        assert text.splitlines()[fault.line - 1].strip() == '"queue": "gpu"'
        assert refused.value.source == "spec.json" and not (place / "runs").exists()


def test_an_engine_that_is_not_named_is_refused(place):
    wrong = document(place)
    del wrong["run"]["engine"]
    with pytest.raises(SpecError, match="/run: slurm takes `engine`"):
        load(json.dumps(wrong), source="spec.json")


def test_a_dry_run_prints_what_would_be_submitted(place, capsys):
    explain(spec(place), Workspace.below(place), None, as_json=False)
    told = capsys.readouterr().out
    made = planned(place)
    run = made.executor.id_of(made.spec, made.document)
    assert f"what is submitted:\n\n#!/bin/sh\n# {run}-1\nexec runner worker --root {place}/root/{run}" in told
    assert f"command    runner worker --root {place}/root/{run}" in told
    assert "RUN stands for the id that the run gets" in told and "network    not needed" in told
    assert "judged there" in told
    assert not ScriptedEngine.orders and not list((place / "root").iterdir())


def test_a_run_in_a_store_of_objects_needs_the_network(place, capsys):
    explain(spec(place, engine={"root": "s3://bucket/runs"}), Workspace.below(place), None, as_json=False)
    assert "network    yes" in capsys.readouterr().out


@pytest.mark.parametrize("executor", ["local", "auto"])
def test_a_flag_that_says_here_leaves_the_engine_out_and_says_so(place, executor):
    made = make_plan(spec(place), Workspace.below(place), executor=executor)
    assert made.spec.run.engine is None and made.document.executor in ("local", "docker")
    assert f"run.engine is left out: --executor {executor} runs it here, and not on slurm" in made.notes
    # Nothing is said where there is none to leave out, and where an engine is asked for it stays.
    assert make_plan(spec(place), Workspace.below(place), executor="slurm").spec.run.engine is not None
    local = document(place) | {"run": {}}
    plain = make_plan(load(json.dumps(local), source="spec.json"), Workspace.below(place), executor=executor)
    assert not any("run.engine" in note for note in plain.notes)


def test_the_command_says_that_the_engine_is_left_out(place, capsys):
    explain(spec(place), Workspace.below(place), "local", as_json=False)
    assert "run.engine is left out" in capsys.readouterr().out
    assert not ScriptedEngine.orders


def test_a_run_that_is_on_an_engine_is_not_gone_on_with_here(place):
    other, _, _ = begun(place)
    with other.lock():
        other.transition(State.RUNNING, executor="slurm")
    with pytest.raises(ConflictError, match="may still be going on there") as caught:
        train_and_resume.resume(other.id, Workspace.below(place), executor="local")
    assert "train its spec anew here" in str(caught.value.hint)


def test_the_same_run_is_the_same_anywhere(place):
    """The data by its content, whatever it is called; how it is executed counts for nothing."""
    _, _, first = begun(place)
    assert first.id.startswith("elo-") and len(first.id) == len("elo-") + 12
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "copy.jsonl").write_bytes((place / "rows.jsonl").read_bytes())
    _, _, moved = begun(place, data={"dataset": str(elsewhere / "copy.jsonl")}, run={"cpus": 2}, log={"print_every": 2})
    assert moved.id == first.id and len(ScriptedEngine.orders) == 1
    with (elsewhere / "copy.jsonl").open("a") as rows:
        rows.write(json.dumps(ROWS[0]) + "\n")
    _, _, changed = begun(place, data={"dataset": str(elsewhere / "copy.jsonl")})
    _, _, longer = begun(place, epochs=3)
    _, _, other = begun(place, engine={"label": "b"})
    assert len({first.id, changed.id, longer.id, other.id}) == 4


def test_staged_inputs_are_found_by_their_content(place):
    from runner.engines import staged_inputs

    _, _, root = begun(place, engine={"inputs": "staged"})
    written = root.document("spec.json")
    named = written["data"]["dataset"]
    assert named.startswith("runner-input:") and str(place / "rows.jsonl") not in json.dumps(written)
    here = staged_inputs.places(root.above, [written], place / "cache")
    assert Path(here[named]).read_bytes() == (place / "rows.jsonl").read_bytes()
    assert Path(here[named]).is_relative_to(place / "root" / "inputs")
    # Of an address of objects, in the node's cache; and a pattern of shards too.
    (place / "shards").mkdir()
    for name in ("a.jsonl", "b.jsonl"):
        (place / "shards" / name).write_bytes((place / "rows.jsonl").read_bytes())
    (place / "shards" / "c.csv").write_text("not of the pattern")
    _, _, root = begun(place, engine={"inputs": "staged"}, data={"dataset": "shards/*.jsonl"})
    named = root.document("spec.json")["data"]["dataset"]

    class Far(FolderStorage):
        def local(self, key: str) -> None:
            return None

    found = staged_inputs.places(Far(place / "root"), [root.document("spec.json")], place / "cache" / "inputs")[named]
    assert Path(found).is_relative_to(place / "cache") and found.endswith("*.jsonl")
    assert sorted(path.name for path in Path(found).parent.iterdir()) == ["a.jsonl", "b.jsonl"]
    _, _, shared = begun(place, engine={"label": "shared"})
    assert shared.document("spec.json")["data"]["dataset"] == str(place / "rows.jsonl")


def test_what_another_file_names_cannot_be_staged(place):
    plan = planned(place, engine={"inputs": "staged"})
    hidden = replace(plan.job(place), read_only=(*plan.read_only, place / "hidden.jsonl"))
    run = Run.create(place / "runs", "elo", {"spec": canonical(plan.spec), "plan": plan.document})
    with pytest.raises(DataError, match=r"hidden\.jsonl") as refused:
        plan.executor.start(replace(hidden, run=run.path))
    assert refused.value.where == "/run/engine/inputs"


def test_what_an_engine_says_is_told_once(place):
    run, handle, _ = begun(place)
    ScriptedEngine.says = EngineStatus(EngineState.PENDING, why="no node has 8 GPUs")
    assert handle.poll() is None and handle.poll() is None
    ScriptedEngine.says = EngineStatus(EngineState.UNREACHABLE, why="connection refused")
    assert handle.poll() is None
    assert said(run) == ["slurm: pending: no node has 8 GPUs", "slurm does not answer: connection refused"]
    assert len(ScriptedEngine.orders) == 1


def test_an_engine_that_is_gone_for_good_ends_the_following_and_not_the_run(place, monkeypatch):
    run, handle, root = begun(place)
    ScriptedEngine.says = EngineStatus(EngineState.UNREACHABLE, why="no route to host")
    assert handle.poll() is None and handle.poll() is None
    # One that answers again in time is waited for anew.
    ScriptedEngine.says = EngineStatus(EngineState.PENDING, why="busy")
    assert handle.poll() is None
    monkeypatch.setattr(engine_handle, "PATIENCE", -1.0)
    assert handle.poll() is None
    ScriptedEngine.says = EngineStatus(EngineState.UNREACHABLE, why="no route to host")
    assert handle.poll() == ExitCode.ENVIRONMENT
    error = run.needed("outcome", Outcome).error
    assert "no route to host" in error.message and error.where == root.address and error.retryable is False
    assert f"runner remote status {root.address}" in error.hint and f"--resume {run.id}" in error.hint
    # Nothing was cancelled, and who follows it again finds it trained.
    assert ScriptedEngine.cancelled == [] and len(ScriptedEngine.orders) == 1
    finish(root, place)
    _, again, _ = begun(place)
    assert again.poll() == ExitCode.DONE


def test_an_engine_that_does_not_answer_is_not_missed_while_a_process_is_at_the_run(place, monkeypatch):
    run, handle, root = begun(place)
    root.claim(1, "node", at=0.0, submission=1)
    monkeypatch.setattr(engine_handle, "PATIENCE", -1.0)
    ScriptedEngine.says = EngineStatus(EngineState.UNREACHABLE, why="no route to host")
    assert handle.poll() is None and handle.poll() is None and said(run) == []


def test_a_job_that_ends_before_the_run_begins_is_an_error_of_the_environment(place):
    """With the engine's words in the log; preempted jobs are interruptions."""
    run, handle, root = begun(place, run={"retries": 1}, engine={"interruptions": 1})
    ScriptedEngine.says = EngineStatus(EngineState.ENDED, why="preempted", interrupted=True)
    assert handle.poll() is None and handle.poll() is None
    assert [order.name for order in ScriptedEngine.orders] == [f"{root.id}-1", f"{root.id}-2"]
    ScriptedEngine.says = EngineStatus(EngineState.ENDED, why="ImagePullBackOff", exit_code=1)
    ScriptedEngine.said = "no such image"
    assert handle.poll() is None and handle.poll() is None
    assert len(ScriptedEngine.orders) == 3
    codes = [handle.poll() for _ in range(3)]
    assert ExitCode.ENVIRONMENT in codes
    outcome = run.needed("outcome", Outcome)
    assert "ImagePullBackOff" in outcome.error.message and outcome.error.retryable is False
    assert "no such image" in (run.path / "log.txt").read_text()
    assert len(ScriptedEngine.orders) == 3


def test_too_many_interruptions_end_it_and_asking_again_forgives_them(place):
    run, handle, root = begun(place, engine={"interruptions": 0})
    root.claim(1, "node", at=0.0, submission=1)
    failure = Failure(error="stopped", exit_code=75, message="stopped", retryable=False)
    root.write("attempts/0001/end.json", AttemptEnd(how=How.INTERRUPTED, exit_code=75, failure=failure))
    assert handle.poll() == ExitCode.KILLED
    assert "interruptions" in run.needed("outcome", Outcome).error.where
    ScriptedEngine.says = EngineStatus(EngineState.ENDED)
    _, again, _ = begun(place, engine={"interruptions": 0})
    assert [order.name for order in ScriptedEngine.orders] == [f"{root.id}-1", f"{root.id}-2"]
    assert again.poll() is None


def test_what_is_done_is_fetched_and_a_changed_byte_is_told(place):
    run, handle, root = begun(place)
    finish(root, place)
    assert handle.poll() == ExitCode.DONE
    assert (run.path / "artifact" / "scores.safetensors").read_bytes() == b"scores"
    assert run.document("result")["metrics"] == {"accuracy": 0.5}
    root.storage.write("attempts/0001/artifact/scores.safetensors", b"SCORES")
    second, again, _ = begun(place)
    assert again.poll() == ExitCode.DATA
    assert second.needed("outcome", Outcome).error.error == IntegrityError.kind
    assert len(ScriptedEngine.orders) == 1
    root.storage.write("attempts/0001/artifact/scores.safetensors", b"scores")
    root.write("attempts/0001/result.json", {"metrics": {"accuracy": 1.0}})
    assert begun(place)[1].poll() == ExitCode.DATA


def test_a_stop_waits_for_the_last_process(place):
    """The marker, the engine, and then nothing until whoever is at it has ended."""
    _, handle, root = begun(place)
    root.claim(1, "node", at=0.0, submission=1)
    handle.terminate()
    assert handle.poll() is None
    assert root.cancelled().final is False and ScriptedEngine.cancelled == [f"{root.id}-1"]
    assert handle.poll() is None
    root.write("attempts/0001/end.json", AttemptEnd(how=How.CANCELLED, exit_code=0))
    ScriptedEngine.says = EngineStatus(EngineState.RUNNING)
    assert handle.poll() is None
    ScriptedEngine.says = EngineStatus(EngineState.ENDED, exit_code=0)
    assert handle.poll() == ExitCode.STOPPED
    # Asked for again, it goes on.
    second, _, _ = begun(place)
    assert root.cancelled() is None
    assert any("it goes on" in text for text in said(second))


def test_a_short_time_to_stop_in_is_told(place):
    _, _, root = begun(place)
    root.claim(1, "node", at=0.0, submission=1)
    root.write("attempts/0001/end.json", AttemptEnd(how=How.INTERRUPTED, exit_code=75, stop_seconds=40.0))
    ScriptedEngine.says = EngineStatus(EngineState.ENDED)
    run, _, _ = begun(place)
    assert any("/run/engine/stop_grace: 60 s" in text and "80 or more" in text for text in said(run))
    enough, _, _ = begun(place, engine={"stop_grace": 80})
    assert not any("stop_grace" in text for text in said(enough))


def test_a_killed_follower_is_followed_by_another(place):
    """What ran on is attached to by `--resume`, what was said is not brought twice, and other data is refused."""
    run, handle, root = begun(place)
    root.claim(1, "node", at=0.0, submission=1)
    root.storage.write("attempts/0001/events/000000000000", b'{"event": "started"}\n')
    assert handle.poll() is None
    with run.lock():
        run.transition(State.RUNNING, executor="slurm")
    finish(root, place)
    finished = train_and_resume.resume(run.id, Workspace.below(place))
    assert finished.metrics == {"accuracy": 0.5}
    assert (run.path / "events.jsonl").read_text().count('"started"') == 1
    assert len(ScriptedEngine.orders) == 1
    other, _, _ = begun(place, engine={"label": "other"})
    with (place / "rows.jsonl").open("a") as rows:
        rows.write(json.dumps(ROWS[0]) + "\n")
    with other.lock():
        other.transition(State.RUNNING, executor="slurm")
    with pytest.raises(ConflictError, match="on an engine a run is its spec and its data"):
        train_and_resume.resume(other.id, Workspace.below(place))


def test_a_replay_trains_here(place, monkeypatch):
    """On the engine the same spec is the same run, and its model would be compared with itself."""
    run, _, root = begun(place)
    finish(root, place)
    made, model = remote_control.fetch(remote_control.Named(root, run), Workspace.below(place))
    asked = []

    def train(loaded, workspace, **options):
        asked.append((loaded.spec.run.engine, options["executor"]))
        raise ConflictError("as far as is of interest here")

    monkeypatch.setattr(replay, "train", train)
    with pytest.raises(ConflictError, match="of interest"):
        replay.replay(model.reference, Workspace.below(place))
    assert asked == [(None, "local")] and made.id == run.id


def test_what_cannot_be_left_is_refused(place):
    local = document(place)
    local["run"] = {"executor": "local"}
    with pytest.raises(UsageError, match="--detach"):
        train_and_resume.leave(load(json.dumps(local), source="spec.json"), Workspace.below(place))


def test_it_is_looked_after_by_its_address(place, capsys, monkeypatch):
    """status, logs, cancel and fetch from another folder, and where the engine's package is not installed."""
    _, _, root = begun(place)
    root.claim(1, "node", at=0.0, submission=1)
    root.storage.write("attempts/0001/events/000000000000", b'{"t": 1, "event": "warning", "message": "hot"}\n')
    root.storage.write("attempts/0001/log/000000000000", b"its own words\n")
    ScriptedEngine.says = EngineStatus(EngineState.RUNNING)
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    remote.status(root.address)
    told = capsys.readouterr().out
    assert f"{root.id}  running" in told and f"job {root.id}-1, running" in told and "heard of 0 s ago" in told
    remote.logs(root.address)
    told = capsys.readouterr().out
    assert "hot" in told and "its own words" in told
    remote.logs(root.address, offset=4, json=True)
    assert json.loads(capsys.readouterr().out)["log"] == ""
    with pytest.raises(NotFoundError, match="not done"):
        remote.fetch(root.address)
    with pytest.raises(ConflictError, match="still at it"):
        remote.cancel(root.address, wait=0)
    assert root.cancelled().final
    root.storage.remove("cancelled.json")
    finish(root, place)
    remote.fetch(root.address, json=True)
    assert json.loads(capsys.readouterr().out)["model"] == "elo_scoring/elo/v1"
    assert (elsewhere / "models/elo_scoring/elo/v1/scores.safetensors").read_bytes() == b"scores"
    with pytest.raises(ConflictError, match="nothing to cancel"):
        remote.cancel(root.address)
    assert root.read("submissions/0001.json", Submission).engine == "slurm"
    monkeypatch.setitem(names.ENGINES, "slurm", "runner.engines.no_such_module:Engine")
    remote.status(root.address)
    assert "done" in capsys.readouterr().out
    with pytest.raises(NotFoundError, match="no run"):
        remote_control.named(f"{place}/root/none", Workspace.below(elsewhere))
