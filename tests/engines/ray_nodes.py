"""A real Ray cluster of several nodes on this machine, each of which can be lost."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from runner.engines.ray_cluster import RayCluster
from runner.engines.ray_head import MARK, marked, start_parts
from runner.errors import EnvironmentProblem
from tests.holding import wait

#: The least that Ray takes, in bytes.
STORE = 80_000_000


def ray_program() -> str:
    """The program ray: of ``RUNNER_TEST_RAY``, the folder of an environment's programs, else of the PATH."""
    folder = os.environ.get("RUNNER_TEST_RAY")
    found = shutil.which("ray", path=folder) if folder else shutil.which("ray")
    assert found or not folder, f"{folder} has no ray"
    if found is None:
        pytest.skip("there is no ray here: RUNNER_TEST_RAY is the bin folder of an environment that has it")
    return str(Path(found).absolute())


class RayNodes:
    """A head that runs no job, and nodes by name: each has the resource of its name."""

    def __init__(self, program: str) -> None:
        self._program = program
        # Short: Ray names sockets in it.
        self.folder = Path(tempfile.mkdtemp(prefix="ray-"))
        self._names: list[str] = []
        with socket.socket() as dashboard:
            dashboard.bind(("127.0.0.1", 0))
            port = dashboard.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        try:
            self._start(
                "head", "--head", "--port=0", "--num-cpus=0", "--dashboard-host=127.0.0.1",
                f"--dashboard-port={port}", "--include-log-monitor=False", f"--temp-dir={self.folder}",
            )  # fmt: skip
            wait(self._answers)
        except BaseException:
            self.close()
            raise
        self._joined = (self.folder / "ray_current_cluster").read_text().strip()

    def add(self, *names: str, **environment: str) -> None:
        """Start nodes with one CPU each, whose jobs have this in their environment too, and return when the cluster has
        them."""
        for name in names:
            self._start(
                name, f"--address={self._joined}", "--num-cpus=1", f"--resources={json.dumps({name: 1})}",
                f"--labels=place={name}", environment=environment,
            )  # fmt: skip
        wait(lambda: set(names) <= {each for node in RayCluster(self.address).nodes() for each in node})

    def lose(self, name: str) -> None:
        """Kill a node and all that runs on it, at once, as a machine that loses its power."""
        self._names.remove(name)
        family = set(marked(self._mark(name)))
        for each in list(family):
            with contextlib.suppress(psutil.Error):
                family |= set(each.children(recursive=True))
        for each in family:
            with contextlib.suppress(psutil.Error):
                each.kill()
        psutil.wait_procs(family, timeout=30)

    def close(self) -> None:
        """Lose all of them, the head last."""
        for name in reversed(list(self._names)):
            self.lose(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _mark(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def _start(self, name: str, *words: str, environment: Mapping[str, str] | None = None) -> None:
        self._names.append(name)
        ports = ("--dashboard-agent-listen-port=0", "--min-worker-port=0", "--max-worker-port=0")
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        start_parts(
            [self._program, "start", "--disable-usage-stats", f"--object-store-memory={STORE}", *ports, *words],
            os.environ
            | {"RAY_AUTH_MODE": "disabled", "PATH": programs, MARK: self._mark(name)}
            | dict(environment or {}),
            self.folder,
            self._mark(name),
        )

    def _answers(self) -> bool:
        with contextlib.suppress(EnvironmentProblem):
            return bool(RayCluster(self.address).version()) and (self.folder / "ray_current_cluster").exists()
        return False
