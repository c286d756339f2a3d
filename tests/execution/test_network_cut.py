"""A network that is cut between two nodes: each is a network namespace of this machine, and a cable is between them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runner.engines.node_variables import HEAD, NODE_RANK, NODES, PORT
from runner.errors import NodeLost
from tests.conftest import Desk
from tests.execution.two_nodes import attempt, planned, steps, weights
from tests.holding import mark, variables, wait

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Cable:
    """Two machines, ``names``, with an end of a cable in each."""

    names: tuple[str, str]

    def node(self, desk: Desk, run: Path, rank: int, more: dict[str, str]) -> subprocess.Popen[bytes]:
        """The run's entry on one of the machines, as an engine starts it there."""
        told_of = {NODES: "2", NODE_RANK: str(rank), HEAD: f"10.213.7.1:{PORT}"}
        words = ["ip", "netns", "exec", self.names[rank], *desk.command("worker", "--root", run)]
        log = (desk.home / f"node-{rank}.log").open("ab")
        environment = desk.variables | told_of | more
        return subprocess.Popen(words, cwd=desk.home, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def both(self, desk: Desk, run: Path, more: dict[str, str]) -> list[subprocess.Popen[bytes]]:
        return [self.node(desk, run, rank, more) for rank in range(2)]

    def cut(self) -> None:
        """Nothing that one sends reaches the other, and nobody is told so."""
        for name in self.names:
            ip("-n", name, "link", "set", "cable", "down")

    def mend(self) -> None:
        for name in self.names:
            ip("-n", name, "link", "set", "cable", "up")


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


@pytest.fixture
def cable() -> Iterator[Cable]:
    if not shutil.which("ip"):
        pytest.skip("there is no program ip here: install iproute2")
    if os.geteuid() or subprocess.run(["ip", "netns", "add", f"try-{os.getpid()}"], capture_output=True).returncode:
        pytest.skip("networks of their own can be made by root alone, and not everywhere")
    ip("netns", "delete", f"try-{os.getpid()}")
    names = (f"head-{os.getpid()}", f"other-{os.getpid()}")
    try:
        for name in names:
            ip("netns", "add", name)
        ip("-n", names[0], "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", names[1])
        for rank, name in enumerate(names):
            ip("-n", name, "address", "add", f"10.213.7.{rank + 1}/24", "dev", "cable")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "set", "cable", "up")
        yield Cable(names)
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def test_a_network_that_is_cut_loses_nothing_and_trains_nothing_twice(make_desk: Any, cable: Cable) -> None:
    desk = make_desk()
    alone, both = planned(desk, "alone"), planned(desk, "both")
    desk("worker", "--root", alone).ok()

    held = mark(desk.home)
    nodes = cable.both(desk, both, variables(desk.home, "checkpoint:1"))
    try:
        wait(held.exists, nodes[0])
        cable.cut()
        held.unlink()
        # Each finds out by itself, and ends so that an engine begins it again.
        assert [each.wait(180) for each in nodes] == [NodeLost.code] * 2, logs(desk)
        assert attempt(both, 1, "end")["failure"]["message"] == "node 1 of 2 was lost"
        # While the network is gone, the other takes no attempt of its own.
        assert [each.name for each in (both / "attempts").iterdir()] == ["0001"]
        cable.mend()
        nodes = cable.both(desk, both, {})
        assert [each.wait(300) for each in nodes] == [0, 0], logs(desk)
    finally:
        for each in nodes:
            each.kill()
    assert (both / "DONE.json").exists()
    assert (steps(both, 1), steps(both, 2)) == ([1], [2, 3])
    assert weights(both, 2) == weights(alone, 1)


def logs(desk: Desk) -> str:
    return "\n".join((desk.home / f"node-{rank}.log").read_text() for rank in range(2))
