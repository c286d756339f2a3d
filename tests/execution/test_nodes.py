"""A training on two nodes: what one node trains, to the bit; a node that is lost ends the other, and the run goes on.

Both nodes are this machine, by its loopback address; each has a run's directory of its own, as two machines have.
"""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from runner.engines.node_variables import HEAD, NODE_RANK, NODES
from runner.errors import NodeLost, UsageError
from runner.execution.nodes import NodeLink, Nodes, interface_towards
from runner.execution.rank_faults import PeerLost, ProcessEnd, reason, told
from runner.runs.run_documents import Outcome
from tests.conftest import Desk
from tests.execution.two_nodes import RUN, attempt, planned, weights
from tests.holding import mark, variables, wait


def test_a_node_is_what_the_engine_says_it_is() -> None:
    assert Nodes.of_environment({}) == Nodes()
    assert Nodes.of_environment({NODES: "1", NODE_RANK: "0", HEAD: "here:29500"}) == Nodes()
    second = Nodes.of_environment({NODES: "2", NODE_RANK: "1", HEAD: "[fd00::1]:29500"})
    assert (second.host, second.port, second.own(6)) == ("fd00::1", 29500, range(3, 6))


@pytest.mark.parametrize(
    "said",
    [
        {NODES: "2"},
        {NODES: "2", NODE_RANK: "2", HEAD: "here:29500"},
        {NODES: "2", NODE_RANK: "0", HEAD: "here"},
        {NODES: "two", NODE_RANK: "0", HEAD: "here:29500"},
    ],
)
def test_half_a_word_of_an_engine_is_refused(said: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="do not say which of how many nodes"):
        Nodes.of_environment(said)


def test_processes_that_cannot_be_divided_are_refused() -> None:
    for count in (1, 3):
        with pytest.raises(UsageError, match=f"{count} processes cannot be divided among 2 nodes"):
            Nodes(0, 2, "here:1").own(count)


def test_the_way_to_a_head_on_this_machine_is_its_loopback() -> None:
    assert interface_towards("127.0.0.1") == "lo"


class Store:
    """The four verbs of a ``TCPStore``, in memory; ``gone`` as the head's is when the head is."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.gone = False

    def _there(self) -> None:
        if self.gone:
            raise RuntimeError("failed to recv, got 0 bytes")

    def add(self, key: str, amount: int) -> int:
        self._there()
        self.values[key] = int(self.values.get(key, 0)) + amount
        return int(self.values[key])

    def set(self, key: str, value: str) -> None:
        self._there()
        self.values[key] = value.encode()

    def get(self, key: str) -> bytes:
        self._there()
        return bytes(self.values[key])

    def check(self, keys: list[str]) -> bool:
        self._there()
        return all(key in self.values for key in keys)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the nodes see: waiting takes none."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr("runner.execution.nodes.time.monotonic", lambda: now[0])
    monkeypatch.setattr("runner.execution.nodes.time.sleep", sleep)
    return now


def two() -> tuple[Store, NodeLink, NodeLink]:
    store = Store()
    return store, NodeLink(Nodes(0, 2, "head:1"), store, RUN), NodeLink(Nodes(1, 2, "head:1"), store, RUN)


def test_a_stop_of_one_node_is_a_stop_of_all(clock: list[float]) -> None:
    _, head, other = two()
    clock[0] = 2
    assert (head.tend(stop=False), other.tend(stop=False)) == ((False, False), (False, False))
    assert other.tend(stop=True) == (True, False)
    assert head.tend(stop=False) == (True, False)


def test_a_failure_of_one_node_is_told_to_the_others_with_its_reason(clock: list[float]) -> None:
    _, head, other = two()
    other.fail()
    assert head.tend(stop=False) == (False, True)
    end = ProcessEnd(1, 137, by_itself=True, outcome=told(PeerLost("gone")))
    other.leave([end])
    assert head.others() == [end]


def test_a_node_that_falls_silent_is_lost_and_one_that_has_left_is_not(clock: list[float]) -> None:
    _, head, other = two()
    clock[0] = 2
    other.tend(stop=False)
    head.tend(stop=False)
    clock[0] = 60
    with pytest.raises(NodeLost, match="node 1 of 2 was lost"):
        head.tend(stop=False)
    with pytest.raises(NodeLost, match="node 1 of 2 was lost"):
        head.others()
    other.leave([])
    head.tend(stop=False)
    assert head.others() == []


def test_a_head_that_is_gone_is_lost_to_the_others(clock: list[float]) -> None:
    store, _, other = two()
    store.gone, clock[0] = True, 2
    with pytest.raises(NodeLost, match="node 0 of 2 was lost"):
        other.tend(stop=False)


def test_a_head_that_never_answers_is_lost_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the network between them is cut: nothing tells a client of the store that no answer will come."""
    store, _, other = two()
    answered = threading.Event()
    monkeypatch.setattr("runner.execution.nodes.SILENCE", 0.05)
    monkeypatch.setattr(store, "add", lambda key, amount: answered.wait() and 0)
    try:
        for _ in range(2):
            with pytest.raises(NodeLost, match="node 0 of 2 was lost"):
                other.tend(stop=True)
        other.give_up()
    finally:
        answered.set()


def test_a_node_that_never_comes_is_told(clock: list[float]) -> None:
    store = Store()
    head = NodeLink(Nodes(0, 2, "head:1"), store, RUN)
    clock[0] = 599
    head.tend(stop=False)
    clock[0] = 601
    with pytest.raises(NodeLost, match="node 1 of 2 has not come"):
        head.tend(stop=False)


def test_a_node_of_another_run_is_sent_away() -> None:
    store, _, _ = two()
    with pytest.raises(Exception, match="head:1 is the head of another run"):
        NodeLink(Nodes(1, 2, "head:1"), store, "another-run")


def test_what_a_node_alone_cannot_know_is_the_heads_to_say() -> None:
    lost = [ProcessEnd(1, 70, by_itself=True, outcome=told(PeerLost("Connection closed by peer")))]
    assert isinstance(reason(lost, 2), NodeLost)
    assert reason([ProcessEnd(1, 0, by_itself=True, outcome=Outcome(ok=True))], 2) is None


def nodes(desk: Desk, run: Path, more: dict[str, str]) -> list[Any]:
    """The entry of the run on each of two nodes, as an engine starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        head = f"127.0.0.1:{free.getsockname()[1]}"
    told_of = [{NODES: "2", NODE_RANK: str(rank), HEAD: head} for rank in range(2)]
    return [
        replace(desk, environment=desk.environment | of | more).start_copy("worker", "--root", run) for of in told_of
    ]


@pytest.mark.slow
@pytest.mark.warm
def test_two_nodes_train_what_one_trains_though_one_of_them_is_lost(make_desk: Any) -> None:
    desk = make_desk()
    alone, both = planned(desk, "alone"), planned(desk, "both")
    desk("worker", "--root", alone).ok()

    held = mark(desk.home)
    first, second = nodes(desk, both, variables(desk.home, "checkpoint:1"))
    wait(held.exists, first)
    lost = psutil.Process(second.pid)
    for process in [*lost.children(recursive=True), lost]:
        process.kill()
    held.unlink()
    assert first.wait(300) == NodeLost.code
    end = attempt(both, 1, "end")
    assert (end["how"], end["failure"]["message"]) == ("interrupted", "node 1 of 2 was lost")
    assert not (both / "DONE.json").exists()

    # What comes in its place has nothing: the head sends it the checkpoint, and the model to measure.
    assert [each.wait(300) for each in nodes(desk, both, {})] == [0, 0]
    assert (both / "DONE.json").exists()
    assert len(list((both / "attempts").iterdir())) == 2, "the head alone takes attempts"
    assert weights(both, 2) == weights(alone, 1)
