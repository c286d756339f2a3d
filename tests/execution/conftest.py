"""An engine for the tests that need one, and probes: programs that run in a run's container in the worker's place."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.execution import image_lookup as images
from runner.execution.docker_engine import Engine
from runner.execution.docker_executor import DockerExecutor
from runner.execution.executor import Job
from runner.execution.image_lookup import Image
from runner.workspace import Workspace

#: A probe that takes longer than this hangs.
DEADLINE = 300.0


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Runs, models and cache in a folder of the test's, which is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUNNER_HOME", str(tmp_path))
    monkeypatch.setenv("RUNNER_CACHE_DIR", str(tmp_path / "cache"))
    return Workspace.current()


@pytest.fixture
def image(engine: Engine) -> Image:
    return images.find(images.tag("cpu"), engine)


@pytest.fixture
def make_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Job]:
    """A job in a run directory of its own, on the CPU image."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))

    def make(name: str | None = None, **fields: Any) -> Job:
        run = tmp_path / "runs" / (name or f"test-{os.getpid()}-{time.monotonic_ns()}")
        run.mkdir(parents=True, exist_ok=True)
        return Job(run=run, cwd=tmp_path, cache=tmp_path / "cache", **{"image": images.tag("cpu"), "gpus": 0} | fields)

    return make


class Probe(DockerExecutor):
    """The executor, all of it, but that the container runs a Python program instead of the worker."""

    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program

    def _describe(self, *arguments: Any) -> Any:
        container = super()._describe(*arguments)
        return dataclasses.replace(
            container, entrypoint=("python3", "-c"), command=(self._program, str(arguments[0].run))
        )


@pytest.fixture
def probe(engine: Engine) -> Iterator[Callable[[str, Job], Any]]:
    """Start a program in a job's container. Whatever the test does, nothing is left running."""
    handles = []

    def start(program: str, job: Job) -> Any:
        handle = Probe(program).start(job)
        handles.append(handle)
        return handle

    yield start
    for handle in handles:
        handle.close()


@pytest.fixture
def wait() -> Callable[..., Any]:
    """Wait until a condition holds and return what it gave."""

    def until(condition: Callable[[], Any]) -> Any:
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            found = condition()
            if found is not None and found is not False:
                return found
            time.sleep(0.05)
        raise AssertionError("it did not happen")

    return until
