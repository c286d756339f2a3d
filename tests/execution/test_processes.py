"""``run.processes``: several processes train what one trains, stop together, and end together, with one reason."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from runner.errors import DataError, EnvironmentProblem, Killed, OutOfMemory, RunFailed, Stopped
from runner.execution.docker_arguments import create_arguments, describe, words
from runner.execution.executor import Job
from runner.execution.failure_classes import InternalError
from runner.execution.local_executor import LocalExecutor
from runner.execution.rank_faults import PeerLost, ProcessEnd, reason, told
from runner.runs.run_documents import Outcome
from tests.conftest import Desk
from tests.examples import example
from tests.holding import go_on, held_copy, held_run

FULL = {"sharding": "full"}
QLORA = {"finetuning_spec": {"method": "qlora"}}
MUON = {"optimizer": {"optimizer_type": "muon"}}
LOST = told(PeerLost("Connection closed by peer"))


def document(processes: int, kind: str = "sft", *, run: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A kind's example in so many processes; ``spec`` are fields of its ``model.spec``."""
    spec = changes.pop("spec", {})
    made = example(kind, run={"processes": processes} | (run or {}), **changes)
    made["model"]["spec"] |= spec
    return made


def train(desk: Desk, made: dict[str, Any], *more: object) -> Any:
    return desk("train", "--executor", "local", "--json", *more, stdin=json.dumps(made))


@pytest.mark.parametrize(
    ("made", "pointer", "words"),
    [
        (lambda: document(2, "dense_network"), "/run/processes", "dense_network is trained in one process"),
        (lambda: document(2, "elo_scoring"), "/run/processes", "elo_scoring is trained in one process"),
        (lambda: document(4, run={"gpus": 2}), "/run/gpus", "4 processes take a GPU each"),
        (lambda: document(4, batch_size=2), "/run/processes", "a batch of 2 rows is divided among 4"),
        (lambda: document(0), "/run/processes", "at least 1"),
        (lambda: document(1, run=FULL), "/run/sharding", "one process holds the whole model"),
        (lambda: document(2, run=FULL, spec=QLORA), "/model/spec/finetuning_spec", "4-bit weights cannot be divided"),
        (lambda: document(2, run=FULL, spec=MUON), "/model/spec/optimizer", "muon needs every matrix whole"),
        (lambda: document(2, run=FULL, spec={"precision": "float16"}), "/model/spec/precision", "take bfloat16"),
    ],
)
def test_what_cannot_be_divided_is_refused_by_pointer(desk: Desk, made: Any, pointer: str, words: str) -> None:
    refused = desk("validate", "--json", "-", stdin=json.dumps(made()))
    assert refused.code == 3
    (fault,) = refused.json["faults"]
    assert fault["pointer"] == pointer
    assert words in json.dumps(fault)


def test_more_processes_than_gpus_are_refused_before_a_run_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = tmp_path / "nvidia-smi"
    listing.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA H100 (UUID: GPU-1)'\n")
    listing.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for gpus in (None, "all", 2):
        with pytest.raises(EnvironmentProblem, match="2 processes take a GPU each, and 1 is here") as refused:
            LocalExecutor().check(Job(run=tmp_path, cwd=tmp_path, cache=tmp_path, processes=2, gpus=gpus))
        assert refused.value.where == "/run/processes"
    LocalExecutor().check(Job(run=tmp_path, cwd=tmp_path, cache=tmp_path, processes=2, gpus=0))


@pytest.mark.slow
@pytest.mark.warm
def test_the_dry_run_shows_them(desk: Desk) -> None:
    made = document(2)
    shown = desk("train", "--executor", "local", "--dry-run", "--json", stdin=json.dumps(made)).ok().json
    (row,) = [row for row in shown["origins"] if row["pointer"] == "/run/processes"]
    assert row["value"] == shown["spec"]["run"]["processes"] == 2
    text = desk("train", "--executor", "local", "--dry-run", stdin=json.dumps(made)).ok().out
    assert "runs       local, in 2 processes" in text


def test_a_container_has_shared_memory_for_each(tmp_path: Path) -> None:
    def container(processes: int) -> Any:
        run = tmp_path / "runs" / "one"
        job = Job(run=run, cwd=tmp_path, cache=tmp_path / "cache", processes=processes)
        return describe(job, image="runner", user="1:1", memory=2**33)

    sizes = {count: create_arguments(container(count))["shm_size"] for count in (1, 4)}
    assert sizes == {1: 2**30, 4: 2**32}
    line = words(container(4))
    assert line[line.index("--shm-size") + 1] == str(2**32)


def test_a_rank_without_others_is_refused(desk: Desk) -> None:
    run = desk.home / "run"
    run.mkdir()
    (run / "plan.json").write_text("{}")
    refused = desk("worker", run, "--rank", "0")
    assert refused.code == 2
    assert "there are no other processes for rank 0" in refused.err


@pytest.mark.parametrize(
    ("ends", "kind", "message"),
    [
        ([(0, True, Outcome(ok=True)), (0, True, Outcome(ok=True))], None, ""),
        ([(70, True, LOST), (137, True, None)], Killed, "rank 1 of 2 processes: the worker was killed"),
        ([(137, False, None), (137, True, told(OutOfMemory("out of memory: 3 GiB")))], OutOfMemory, "rank 1 of 2"),
        ([(4, True, told(DataError("no rows"))), (143, False, None)], DataError, "no rows"),
        ([(70, True, LOST), (1, True, told(RunFailed("the loss became nan")))], RunFailed, "rank 1 of 2 processes"),
        ([(0, True, told(Stopped("stopped at step 3"))), (0, True, told(Stopped("x")))], Stopped, "stopped at step 3"),
        ([(70, True, LOST), (70, False, LOST)], InternalError, "rank 0 of 2 processes: Connection closed by peer"),
        ([(70, True, LOST), (139, True, None)], InternalError, "rank 1 of 2 processes: the worker crashed"),
    ],
)  # fmt: skip
def test_the_reason_is_what_the_others_did_not_die_of(ends: list[Any], kind: Any, message: str) -> None:
    error = reason([ProcessEnd(rank, code, by_itself, outcome) for rank, (code, by_itself, outcome) in enumerate(ends)])
    if kind is None:
        assert error is None
    else:
        assert type(error) is kind
        assert error.message.startswith(message)


PACKED = {"packing": "packed", "gradient_accumulation": 2, "evaluation": {"every": 3}, "max_steps": 7}
CASES = {
    "packed and accumulated": ("sft", {"spec": PACKED, "batch_size": 3}),
    "in rows": ("sft", {"spec": {"gradient_accumulation": 3, "max_steps": 5}, "batch_size": 5}),
    "kto": ("kto", {"spec": {"max_steps": 4}}),
    "reward": ("reward", {"spec": {"max_steps": 4}}),
    "answers of the student's own": (
        "distillation",
        {"spec": {"max_steps": 3, "on_policy": {"share": 0.5, "max_new_tokens": 4}}},
    ),
    "a teacher beside what is sharded": (
        "distillation",
        {"spec": {"max_steps": 4, "losses": {"focal": {}, "kl_to_reference": {}}}, "run": FULL},
    ),
    "sharded": ("sft", {"spec": PACKED, "batch_size": 3, "run": FULL}),
    "sharded adapters": (
        "dpo",
        {"spec": {"max_steps": 4, "finetuning_spec": {"method": "lora", "dropout": 0.0}}, "run": FULL},
    ),
}


def losses(desk: Desk, trained: dict[str, Any]) -> list[float]:
    """Every loss that was told, and the stored model's metrics."""
    events = [json.loads(line) for line in (desk.home / trained["run_directory"] / "events.jsonl").open()]
    found = [event["metrics"] for event in events if event["event"] in ("epoch", "step")] + [trained["metrics"]]
    return [value for metrics in found for value in metrics.values() if isinstance(value, float)]


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize("case", CASES)
def test_two_learn_what_one_learns(make_desk: Any, case: str) -> None:
    kind, changes = CASES[case]
    desk = make_desk()
    two = train(desk, document(2, kind, **changes)).ok().json
    one = train(desk, document(1, kind, **(changes | {"run": None}))).ok().json
    assert losses(desk, two) == pytest.approx(losses(desk, one), abs=1e-4)
    locks = [json.loads((desk.home / each["path"] / "manifest.json").read_text())["lock"] for each in (one, two)]
    assert [lock.get("processes") for lock in locks] == [None, 2]
    assert [event["event"] for event in _events(desk, two)].count("started") == 1


def _events(desk: Desk, trained: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (desk.home / trained["run_directory"] / "events.jsonl").open()]


STEPS = {"spec": {"evaluation": {"every": 2}, "max_steps": 6}}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """What one process learns in these steps, without a stop."""
    desk = Desk(tmp_path_factory.mktemp("whole"))
    return losses(desk, train(desk, document(1, **STEPS)).ok().json)


@pytest.mark.slow
@pytest.mark.warm
@pytest.mark.parametrize(
    ("before", "after"),
    [((2, None), (1, None)), ((1, None), (2, None)), ((2, FULL), (1, None)), ((2, None), (2, FULL))],
)
def test_a_stopped_run_goes_on_in_another_number_of_processes(
    make_desk: Any, whole: list[float], before: Any, after: Any
) -> None:
    desk = make_desk()
    spec = desk.write("spec.json", document(before[0], run=before[1], **STEPS))
    process, run = held_copy(desk, "train", "--executor", "local", "--spec-file", spec, at="step:1")
    process.send_signal(signal.SIGTERM)
    assert process.wait(300) == 75
    saved = [path.name for path in (run / "checkpoints").iterdir()]
    assert saved, "all processes left at a step whose checkpoint is there"
    changed = desk.write("changed.json", document(after[0], run=after[1], **STEPS))
    again = desk("train", "--resume", run.name, "--spec-file", changed, "--executor", "local", "--json").ok().json
    assert losses(desk, again) == pytest.approx(whole, abs=1e-4)


def worker_of(run: Path) -> psutil.Process:
    return psutil.Process(json.loads((run / "state.json").read_text())["worker"]["pid"])


def other(run: Path) -> psutil.Process:
    """The process of rank 1 of a run that is under way, in new processes."""
    (found,) = [each for each in worker_of(run).children(recursive=True) if each.cmdline()[-2:] == ["--rank", "1"]]
    return found


@pytest.mark.slow
@pytest.mark.warm
def test_a_killed_process_ends_the_run_with_its_rank_and_it_can_be_resumed(make_desk: Any) -> None:
    desk = make_desk()
    spec = desk.write("spec.json", document(2, **STEPS))
    process, run = held_run(desk, "train", "--executor", "local", "--spec-file", spec, at="step:2")
    other(run).kill()
    go_on(desk)
    assert process.wait(300) == 137
    state = json.loads((run / "state.json").read_text())
    assert state["state"] == "interrupted"
    assert state["failure"]["message"] == "rank 1 of 2 processes: the worker was killed"
    again = desk("train", "--resume", run.name, "--executor", "local", "--json").ok().json
    assert again["metrics"]["loss"] < 5.5


@pytest.mark.slow
def test_a_process_without_memory_ends_the_run_with_its_rank(make_desk: Any) -> None:
    desk = make_desk()
    spec = desk.write("spec.json", document(2, **STEPS))
    process, run = held_run(desk, "train", "--executor", "local", "--spec-file", spec, at="started:1")
    there = other(run)
    limit = there.memory_info().vms + 2**20
    there.rlimit(psutil.RLIMIT_AS, (limit, limit))
    go_on(desk)
    assert process.wait(300) == 137
    failure = json.loads((run / "state.json").read_text())["failure"]
    assert (failure["error"], failure["message"][:12]) == ("out of memory", "rank 1 of 2 "), failure


@pytest.mark.slow
@pytest.mark.warm
def test_no_process_outlives_a_killed_worker(make_desk: Any) -> None:
    desk = make_desk()
    spec = desk.write("spec.json", document(2, **STEPS))
    process, run = held_copy(desk, "train", "--executor", "local", "--spec-file", spec, at="step:1")
    worker = worker_of(run)
    family = worker.children(recursive=True)
    assert len(family) == 2
    worker.kill()
    assert process.wait(300) == 137
    _, alive = psutil.wait_procs(family, timeout=300)
    assert not alive
