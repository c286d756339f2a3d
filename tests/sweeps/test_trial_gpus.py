"""Trials that train at the same time have GPUs of their own, and more than there are GPUs for are refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from runner.errors import ConflictError, EnvironmentProblem, SpecError
from runner.execution import local_executor, train_and_resume
from runner.execution.executor import Job
from runner.execution.gpu_devices import Dealer, usable_gpus
from runner.execution.local_executor import LocalExecutor
from runner.execution.plan import make_plan
from runner.sweeps import running, sweep_checking, trial_gpus, trial_process
from runner.sweeps.sweep_reading import load_sweep
from runner.sweeps.trial_process import TrialProcess
from runner.workspace import Workspace
from tests.holding import wait
from tests.sweeps.sweep_documents import BASE, sweep

FOUR = ["GPU-a", "GPU-b", "GPU-c", "GPU-d"]


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with four GPUs."""
    lines = [f"GPU {at}: NVIDIA H100 80GB HBM3 (UUID: {name})" for at, name in enumerate(FOUR)]
    lines.insert(1, "  MIG 1g.10gb     Device  0: (UUID: MIG-x)")
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\ncat <<'END'\n" + "\n".join(lines) + "\nEND\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def checked(gpus: Any = 1, parallel: int = 2, **run: Any) -> sweep_checking.CheckedSweep:
    asked = {} if gpus is None else {"gpus": gpus}
    document = sweep(BASE | {"run": asked | run}, parallel=parallel, trials=6, method="random")
    return sweep_checking.check(load_sweep(json.dumps(document)))


def test_gpus_are_named_as_cuda_and_docker_know_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert usable_gpus() == FOUR
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 0")
    assert usable_gpus() == ["2", "0"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert usable_gpus() == []


def test_a_dealer_gives_none_twice() -> None:
    dealer = Dealer(FOUR, 2)
    first, second = dealer.take(), dealer.take()
    assert not set(first) & set(second)
    with pytest.raises(ValueError, match="are free"):
        dealer.take()
    dealer.give_back(first)
    assert dealer.take() == first


@pytest.mark.parametrize(
    ("gpus", "parallel", "executor", "each"),
    [(1, 4, None, 1), (2, 2, "docker", 2), (None, 3, None, 1), (0, 4, None, 0), (1, 1, None, 0), (None, 5, None, 0)],
    ids=["one each", "two each", "as nothing is said", "none", "one at a time", "shared, as nothing is said"],
)
def test_gpus_are_dealt_where_trials_train_beside_each_other(
    gpus: Any, parallel: int, executor: str | None, each: int
) -> None:
    dealer = trial_gpus.dealer(checked(gpus, parallel), executor)
    assert (len(dealer.take()) if dealer else 0) == each


def test_more_at_a_time_than_there_are_gpus_for_are_refused() -> None:
    with pytest.raises(EnvironmentProblem, match=r"3 trials at a time of 2 GPUs each take 6, and .* has 4") as caught:
        trial_gpus.dealer(checked(2, 3), None)
    assert caught.value.where == "/sweep/parallel" and caught.value.hint == '"parallel": 2'
    with pytest.raises(SpecError) as refused:
        checked("all", 2)
    assert [fault.pointer for fault in refused.value.faults] == ["/base/run/gpus"]
    assert checked("all", 1).trials == 6


def test_the_sweep_gives_each_trial_its_own_and_takes_them_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With trials that end when they are looked at for the third time."""
    beside: list[list[tuple[str, ...]]] = []

    class Fake(TrialProcess):
        looks = 0

        def heard(self) -> list[dict[str, Any]]:
            return [{"end": {"metrics": {"accuracy": 0.5}, "model": "k/m/v1"}}] if self.looks == 3 else []

        def over(self) -> int | None:
            self.looks += 1
            return 0 if self.looks == 3 else None

        def close(self) -> None:
            pass

    def begin(number: int, *words: Any) -> TrialProcess:
        others, devices = words[-2:]
        beside.append([devices, *(other.devices for other in others)])
        return Fake(number, 0, 0, 0, devices=devices)

    monkeypatch.setattr(trial_process, "begin", begin)
    monkeypatch.setattr(running, "TICK", 0)
    monkeypatch.setattr(running, "plan_each", lambda *_: None)
    ended = running.run_sweep(checked(2, 2), Workspace.below(tmp_path), executor="local")
    assert ended.record.counted() == 6 and len(beside) == 6
    assert max(map(len, beside)) == 2
    for together in beside:
        named = [name for devices in together for name in devices]
        assert len(set(named)) == len(named) == 2 * len(together)


def test_a_trial_is_trained_with_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fork hands them to the training, the training to its job, and the job to the worker's environment."""

    def train(*_: Any, **words: Any) -> None:
        raise ConflictError(f"asked for with {words['devices']}")

    monkeypatch.setattr(train_and_resume, "train", train)
    child = checked().tried[0]
    process = trial_process.begin(
        0, child.loaded, Workspace.below(tmp_path), tmp_path / "log", "accuracy", "local", (), ("GPU-c", "GPU-d")
    )
    wait(lambda: process.over() is not None)
    assert process.heard()[-1]["end"]["error"] == "asked for with ('GPU-c', 'GPU-d')"
    process.close()


def test_a_worker_sees_the_gpus_of_its_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, str]] = []
    monkeypatch.setattr(local_executor.subprocess, "Popen", lambda words, **options: seen.append(options["env"]))
    for gpus in (2, None, 0):
        job = Job(run=tmp_path, cwd=tmp_path, cache=tmp_path, gpus=gpus, devices=("GPU-c", "GPU-d"))
        LocalExecutor().start(job)
    LocalExecutor().start(Job(run=tmp_path, cwd=tmp_path, cache=tmp_path, gpus=1))
    assert [each.get("CUDA_VISIBLE_DEVICES") for each in seen] == ["GPU-c,GPU-d", "GPU-c,GPU-d", "", None]


def test_a_plan_tells_its_job(tmp_path: Path) -> None:
    from dataclasses import replace

    plan = make_plan(checked().tried[0].loaded, Workspace.below(tmp_path), executor="local")
    assert replace(plan, devices=("GPU-c",)).job(tmp_path).devices == ("GPU-c",)
    assert plan.job(tmp_path).devices == ()
