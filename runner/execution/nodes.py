"""Several machines that train one model: which of them this is, and what they tell each other.

Every node starts the processes of its own, as one machine does alone. The head, node 0, holds the store that all of
them find each other by. Through it a node says that it is there, that it is to stop, and how its processes ended; so a
node that is lost ends the others in seconds, whatever their libraries are waiting for.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from runner.engines.node_variables import HEAD, NODE_RANK, NODES
from runner.errors import EnvironmentProblem, NodeLost, Stopped, UsageError
from runner.execution.rank_faults import ProcessEnd
from runner.runs.run_documents import Outcome

#: How long the nodes may take to find each other: an engine starts them one after the other. Seconds.
GATHERING = 600.0
#: A node that says nothing for so long is lost, seconds.
SILENCE = 20.0
#: How often a node says that it is there, seconds.
BEAT = 1.0
#: How long the head waits for the word of nodes whose processes have ended, seconds.
LAST_WORD = 15.0
#: Of those seconds, how long one may be silent.
LAST_SILENCE = 5.0


@dataclass(frozen=True)
class Nodes:
    """Which node this is, of how many. One alone has no others."""

    rank: int = 0
    count: int = 1
    #: HOST:PORT of node 0.
    head: str = ""

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] | None = None) -> Nodes:
        """What the engine has said in the variables of :mod:`runner.engines.node_variables`.

        Raises :class:`UsageError` for what makes no sense.
        """
        environment = os.environ if environment is None else environment
        if not environment.get(NODES):
            return cls()
        try:
            found = cls(int(environment[NODE_RANK]), int(environment[NODES]), environment[HEAD])
            host, _, port = found.head.rpartition(":")
            if 0 <= found.rank < found.count and host and 0 < int(port) < 65536:
                return found if found.count > 1 else cls()
        except (KeyError, ValueError):
            pass
        raise UsageError(
            f"{NODES}, {NODE_RANK} and {HEAD} do not say which of how many nodes this is, and where the head is",
            where=NODES,
            hint="the engine sets them: unset them for a training on this machine alone",
        )

    @property
    def host(self) -> str:
        return self.head.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.head.rpartition(":")[2])

    def own(self, processes: int) -> range:
        """The ranks of this node's processes. Raises :class:`UsageError` where they cannot be divided."""
        each, left = divmod(processes, self.count)
        if left or not each:
            raise UsageError(
                f"{processes} processes cannot be divided among {self.count} nodes",
                where="/run/engine/nodes",
                hint="as many on each: let run.processes be a multiple of it",
            )
        return range(self.rank * each, (self.rank + 1) * each)


def interface_towards(host: str) -> str | None:
    """The network interface of this machine by which ``host`` is reached; None where it cannot be told."""
    import psutil

    for family, _, _, _, address in socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as asked:
                # Nothing is sent: the system only chooses the way.
                asked.connect(address)
                own = asked.getsockname()[0]
        except OSError:
            continue
        for name, addresses in psutil.net_if_addrs().items():
            if any(each.address.partition("%")[0] == own for each in addresses):
                return name
        if own.startswith("127."):
            return "lo"
    return None


def open_store(nodes: Nodes, count: int, stop_requested: Callable[[], bool]) -> Any:
    """The store (a ``torch.distributed.TCPStore``) by which ``count`` processes find each other: one machine has its
    own, several have the head's.

    Raises :class:`NodeLost` for a head that does not come, :class:`~runner.errors.Stopped` where this node is asked to
    stop before, :class:`EnvironmentProblem` for a port that is taken.
    """
    from torch.distributed import DistError, TCPStore

    if nodes.count == 1:
        return TCPStore("127.0.0.1", 0, count, is_master=True, wait_for_workers=False)
    answer = timedelta(seconds=LAST_WORD)
    if nodes.rank == 0:
        try:
            return TCPStore("127.0.0.1", nodes.port, is_master=True, wait_for_workers=False, timeout=answer)
        except (DistError, RuntimeError) as error:
            raise EnvironmentProblem(
                f"the head's port {nodes.port} cannot be had: {str(error).splitlines()[0]}", where=HEAD, retryable=True
            ) from None
    until = time.monotonic() + GATHERING
    while time.monotonic() < until:
        if stop_requested():
            raise Stopped("stopped before the head of the nodes was there")
        try:
            # A short question: who waits is asked to stop, now and then.
            with socket.create_connection((nodes.host, nodes.port), timeout=5):
                pass
            return TCPStore(nodes.host, nodes.port, is_master=False, wait_for_workers=False, timeout=answer)
        except (OSError, DistError, RuntimeError):
            time.sleep(0.2)
    raise NodeLost(f"node 0 of {nodes.count}, the head, has not come in {GATHERING:g} s: {nodes.head}")


class _Asking:
    """Asks a store, and gives up after a while: where the network is gone, its client waits for an answer for ever."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._questions: queue.SimpleQueue[tuple[str, tuple[Any, ...]]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._silent = False
        threading.Thread(target=self._ask, daemon=True).start()

    def __call__(self, verb: str, *words: Any) -> Any:
        """What the store answers, or raises. Raises TimeoutError where it has not within :data:`SILENCE`."""
        if self._silent:
            raise TimeoutError("the store is silent")
        self._questions.put((verb, words))
        try:
            answer = self._answers.get(timeout=SILENCE)
        except queue.Empty:
            self._silent = True
            raise TimeoutError("the store is silent") from None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _ask(self) -> None:
        while True:
            verb, words = self._questions.get()
            try:
                self._answers.put(getattr(self._store, verb)(*words))
            except BaseException as error:  # noqa: BLE001 - it is raised where it was asked
                self._answers.put(error)


class NodeLink:
    """This node's line to the others, over the head's store (a ``torch.distributed.TCPStore``)."""

    def __init__(self, nodes: Nodes, store: Any, run: str) -> None:
        self._nodes, self._store = nodes, _Asking(store)
        self._beaten = 0.0
        self._began = time.monotonic()
        #: Of every other node that this one watches: its last beat, and when it was seen to change.
        self._seen: dict[int, tuple[int, float]] = {}
        self._meet(run)

    @property
    def _watched(self) -> list[int]:
        """The head watches all; the others watch the head."""
        return list(range(1, self._nodes.count)) if self._nodes.rank == 0 else [0]

    def tend(self, stop: bool) -> tuple[bool, bool]:
        """Say that this node is there, and whether it was asked to ``stop``. Returns whether all are to stop in order,
        and whether another node's processes have failed.

        To be called often. Raises :class:`NodeLost` for a node that says nothing any more.
        """
        now = time.monotonic()
        if now - self._beaten < BEAT and not stop:
            return self._read("stop") > 0, self._read("failed") > 0
        self._add(f"beat/{self._nodes.rank}")
        self._beaten = now
        if stop:
            self._add("stop")
        for rank in self._watched:
            beat = self._read(f"beat/{rank}")
            before, changed = self._seen.get(rank, (0, self._began))
            if beat != before:
                self._seen[rank] = (beat, now)
            elif beat and now - changed > SILENCE:
                # One that has ended in order has left, and said so.
                if not self._check(f"end/{rank}"):
                    raise self._lost(rank)
            elif not beat and now - changed > GATHERING:
                raise NodeLost(f"node {rank} of {self._nodes.count} has not come in {GATHERING:g} s")
        return self._read("stop") > 0, self._read("failed") > 0

    def leave(self, ends: list[ProcessEnd]) -> None:
        """Tell the head how this node's processes ended."""
        document = [
            {"rank": end.rank, "code": end.code, "by_itself": end.by_itself,
             "outcome": None if end.outcome is None else end.outcome.to_document()}
            for end in ends
        ]  # fmt: skip
        self._set(f"end/{self._nodes.rank}", json.dumps(document))

    def fail(self) -> None:
        """Have the other nodes end their processes: some of this node's have failed."""
        self._add("failed")

    def give_up(self) -> None:
        """Have the other nodes end too, as far as they can still be told."""
        with suppress(NodeLost):
            self.fail()

    def others(self) -> list[ProcessEnd]:
        """In the head: how the processes of all other nodes ended. Raises :class:`NodeLost` for a node that leaves no
        word."""
        until = time.monotonic() + LAST_WORD
        waiting, found = set(self._watched), []
        silent = {rank: (self._read(f"beat/{rank}"), time.monotonic()) for rank in waiting}
        while waiting:
            now = time.monotonic()
            self._add(f"beat/{self._nodes.rank}")
            for rank in sorted(waiting):
                if self._check(f"end/{rank}"):
                    waiting.discard(rank)
                    for end in json.loads(self._get(f"end/{rank}")):
                        outcome = end.pop("outcome")
                        told = None if outcome is None else Outcome.from_document(outcome)
                        found.append(ProcessEnd(**end, outcome=told))
                    continue
                beat, changed = self._read(f"beat/{rank}"), silent[rank][1]
                if beat != silent[rank][0]:
                    silent[rank] = (beat, now)
                elif now - changed > LAST_SILENCE or now > until:
                    raise self._lost(rank)
            time.sleep(0.05)
        return found

    def _meet(self, run: str) -> None:
        """Refuse a node that belongs to another run: the port may still be known to one of those."""
        if self._nodes.rank == 0:
            self._set("run", run)
        elif self._get("run").decode() != run:
            raise EnvironmentProblem(f"{self._nodes.head} is the head of another run", where=HEAD, retryable=True)

    def _lost(self, rank: int) -> NodeLost:
        return NodeLost(f"node {rank} of {self._nodes.count} was lost", hint="what was checkpointed can be resumed")

    def _add(self, key: str, amount: int = 1) -> int:
        return int(self._asked("add", f"nodes/{key}", amount))

    def _read(self, key: str) -> int:
        return self._add(key, 0)

    def _set(self, key: str, value: str) -> None:
        self._asked("set", f"nodes/{key}", value)

    def _get(self, key: str) -> bytes:
        return bytes(self._asked("get", f"nodes/{key}"))

    def _check(self, key: str) -> bool:
        return bool(self._asked("check", [f"nodes/{key}"]))

    def _asked(self, verb: str, *words: Any) -> Any:
        try:
            return self._store(verb, *words)
        except (RuntimeError, TimeoutError):
            # torch's DistError is a RuntimeError: the head does not answer, as its store is in its own process.
            raise self._lost(0) from None
