"""How a run ends is one table, and a failure is never masked by a stop that came before it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.errors import (
    DataError,
    EnvironmentProblem,
    Interrupted,
    Killed,
    OutOfMemory,
    RunnerError,
    Stopped,
    TimeLimitReached,
)
from runner.execution.failure_classes import RESUMABLE, End, InternalError, classify, ending, of_container, over_memory
from runner.runs.run_documents import Failure, Outcome
from tests.conftest import Desk

STOP = Stopped("asked to stop")
LIMIT = TimeLimitReached("the time limit of 1 s passed")
CTRL_C = Interrupted("interrupted")


def left(error: BaseException) -> Outcome:
    """The document that a worker leaves of an error."""
    fault = classify(error)
    return Outcome(ok=False, error=replace(Failure.of(fault), retryable=fault.retryable))


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (End(0, Outcome(ok=True)), None),
        (End(0, Outcome(ok=True), asked=STOP), None),
        (End(75, left(Stopped("at step 3")), asked=STOP), Stopped),
        (End(75, left(Stopped("at step 3")), asked=CTRL_C), Interrupted),
        (End(75, left(Stopped("at step 3")), asked=LIMIT), TimeLimitReached),
        (End(75, left(Stopped("at step 3"))), Stopped),
        (End(70, left(ValueError("a bug")), asked=CTRL_C), InternalError),
        (End(4, left(DataError("not a number")), asked=STOP), DataError),
        (End(6, left(EnvironmentProblem("no network", retryable=True)), asked=LIMIT), EnvironmentProblem),
        (End(137, left(MemoryError()), asked=CTRL_C), OutOfMemory),
        (End(137, left(MemoryError()), asked=CTRL_C, killed=True), OutOfMemory),
        (End(137, None, asked=CTRL_C, killed=True), Interrupted),
        (End(143, None, asked=STOP), Stopped),
        (End(130, None, asked=CTRL_C), Interrupted),
        (End(137, None, asked=STOP), Killed),
        (End(137, None), Killed),
        (End(143, None), Killed),
        (End(139, None), InternalError),
        (End(139, None, asked=STOP), InternalError),
        (End(1, None, asked=STOP), InternalError),
        (End(137, left(Stopped("at step 3")), over_memory(2**20), asked=STOP), OutOfMemory),
    ],
)
def test_every_row_of_the_table(end: End, kind: type[RunnerError] | None) -> None:
    error = ending(end)
    assert type(error) is (kind or type(None))
    if end.asked is not None and isinstance(error, type(end.asked)):
        assert error is end.asked, "why it was asked to stop is what is told"


@pytest.mark.parametrize(
    ("code", "facts", "kind"),
    [
        (6, {"gone": True}, EnvironmentProblem),
        (137, {"removed": True}, Killed),
        (137, {"removed": True, "killed": True}, None),
        (137, {"over_limit": 2**26}, OutOfMemory),
        (70, {"over_limit": 2**26}, OutOfMemory),
        (0, {"over_limit": 2**26}, None),
        (75, {"over_limit": 2**26}, None),
        (137, {}, None),
    ],
)
def test_what_an_engine_knows(code: int, facts: dict[str, Any], kind: type[RunnerError] | None) -> None:
    nothing = {"gone": False, "removed": False, "killed": False, "over_limit": None}
    assert type(of_container(code, run="a-run", **nothing | facts)) is (kind or type(None))


CRASHING = '''
"""A kind that waits until it is asked to stop, and then ends otherwise."""

import os
import signal
import time
from typing import ClassVar, Literal

from runner.contract import ModelSpec, TrainContext, option
from runner.data.comparisons import ComparisonsData
from runner.errors import DataError

REQUIRES = ("numpy",)


class Spec(ModelSpec):
    """Crashes."""

    uses_epochs: ClassVar[bool] = False
    uses_batch_size: ClassVar[bool] = False
    data = ComparisonsData

    model_type: Literal["crashing"] = option(description="Crashes.")
    how: str = option("bug", description="How it ends.")


def train(spec: Spec, context: TrainContext):
    context.emit("progress", phase="waiting", done=0, total=1, unit="stops")
    while not context.stop_requested():
        time.sleep(0.01)
    if spec.how == "data":
        raise DataError("a row is not what it was", where="/data")
    if spec.how == "memory":
        raise MemoryError("no more")
    if spec.how == "signal":
        os.kill(os.getpid(), signal.SIGSEGV)
    if spec.how == "stop":
        context.stop_here(0, {}, {})
    raise ValueError("a bug")


class Predictor:
    """None."""
'''


@pytest.fixture
def crashing(tmp_path: Path) -> Desk:
    """A desk beside whose runner a package with the kind is installed."""
    site = tmp_path / "site"
    for name, text in {
        "crashes/__init__.py": "",
        "crashes/kinds/__init__.py": "",
        "crashes/kinds/crashing.py": textwrap.dedent(CRASHING),
        "crashes-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: crashes\nVersion: 1\n",
        "crashes-1.dist-info/entry_points.txt": "[runner.builders]\ncrashes = crashes.kinds\n",
    }.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    before = os.environ.get("PYTHONPATH")
    return Desk(tmp_path, {"PYTHONPATH": os.pathsep.join([str(site), *([before] if before else [])])})


@pytest.mark.parametrize(
    ("how", "told", "code", "state", "error"),
    [
        ("bug", signal.SIGINT, 70, "failed", "internal"),
        pytest.param("data", signal.SIGTERM, 4, "failed", "data", marks=pytest.mark.slow),
        pytest.param("memory", signal.SIGINT, 137, "failed", "out of memory", marks=pytest.mark.slow),
        pytest.param("signal", signal.SIGTERM, 70, "failed", "internal", marks=pytest.mark.slow),
        ("stop", signal.SIGINT, 130, "interrupted", "interrupted"),
        pytest.param("stop", signal.SIGHUP, 75, "interrupted", "stopped", marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
@pytest.mark.warm
def test_a_worker_that_fails_after_a_stop_has_failed(
    crashing: Desk, wait: Any, how: str, told: int, code: int, state: str, error: str
) -> None:
    document = {
        "model": {"name": "m", "spec": {"model_type": "crashing", "how": how}},
        "data": {"dataset": "sample", "max_samples": 50},
    }
    path = crashing.write("spec.json", document)
    process = crashing.start("train", "--spec-file", path, "--executor", "local", stderr=subprocess.PIPE)
    wait(lambda: any('"waiting"' in file.read_text() for file in (crashing.home / "runs").glob("*/events.jsonl")))
    process.send_signal(told)
    try:
        _, said = process.communicate(timeout=300)
    finally:
        # The end of its lease ends the worker too.
        process.kill()
    assert process.returncode == code, said.decode()
    ended = json.loads((crashing.only_run() / "state.json").read_text())
    assert (ended["state"], ended["exit_code"], ended["failure"]["error"]) == (state, code, error)
    assert ("--resume" in said.decode()) == (state == "interrupted" or code == 137)


def test_what_can_be_resumed_is_what_time_or_the_machine_ended() -> None:
    assert {kind.kind for kind in RESUMABLE} == {"stopped", "interrupted", "time limit", "killed"}
