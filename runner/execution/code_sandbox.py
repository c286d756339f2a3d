"""Programs that nobody has read, tried in containers: one for a batch, which sees nothing of ours and no network."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from runner.contract.foreign_code import CodeLimits, Program
from runner.errors import EnvironmentProblem
from runner.execution import code_driver, image_lookup
from runner.execution import docker_engine as engines
from runner.execution.docker_engine import Engine
from runner.execution.image_lookup import Image

#: nobody, who owns no file of the image.
USER = "65534:65534"
PIDS = 64
#: MiB that a container has beside what a program may take, and that programs may write.
BESIDE, SCRATCH = 192, 64
#: Seconds that a container may take beside what its programs may: to start, and to be looked at.
SLACK = 60.0
LABEL = "runner.code"
#: Bytes of an error that are shown.
SHOWN = 600


class CodeContainers:
    """A :class:`~runner.contract.foreign_code.CodeRunner` on the engine of this machine."""

    def __init__(self, engine: Engine, image: Image) -> None:
        self._engine, self._image = engine, image

    @classmethod
    def opened(cls, where: str) -> Self:
        """Raises :class:`EnvironmentProblem` at ``where`` without an engine, or an image to make containers of."""
        try:
            engine = engines.connect()
            return cls(engine, image_lookup.find(engine=engine))
        except EnvironmentProblem as error:
            found = f"{error.where}: {error.message}" if error.where else error.message
            raise EnvironmentProblem(
                f"code of answers is run in containers of their own, and cannot be: {found}",
                where=where,
                hint="start a Docker Engine (`runner doctor`), and build the image: runner image build --variant cpu",
            ) from error

    def run(self, programs: Sequence[Program], limits: CodeLimits) -> list[list[str]]:
        """See the protocol. A program that brings its container down has been killed; the others go on in another."""
        ends: list[list[str]] = []
        while len(ends) < len(programs):
            found = self._batch(programs[len(ends) :], limits)
            ends += found
            if len(ends) < len(programs):
                ends.append(["killed"] * len(programs[len(ends)].tests))
        return ends

    def _batch(self, programs: Sequence[Program], limits: CodeLimits) -> list[list[str]]:
        """How the first programs ended; fewer than all where the container did not live to the last."""
        token = secrets.token_hex(16)
        asked = {
            "token": token, "timeout": limits.timeout, "memory": limits.memory,
            "programs": [
                {"source": each.source, "tests": [test.as_dict() for test in each.tests]} for each in programs
            ],
        }  # fmt: skip
        deadline = time.monotonic() + limits.timeout * len(programs) + SLACK
        created = None
        try:
            created = self._engine.client.containers.create(**options(self._image.digest, limits))
            with _attached(self._engine, created.id) as connection:
                created.start()
                connection.settimeout(SLACK)
                connection.sendall(json.dumps(asked).encode() + b"\n")
                return _ends(_Output(connection, deadline), token, len(programs))
        except EnvironmentProblem:
            raise
        except Exception as error:
            raise engines.refused(error, self._image.name) from error
        finally:
            if created is not None:
                # It removes itself when it ends.
                with contextlib.suppress(Exception):
                    created.remove(force=True, v=True)


def options(image: str, limits: CodeLimits) -> dict[str, Any]:
    """The arguments of the SDK's ``containers.create``: nothing is mounted, and nothing can be kept."""
    from docker.types import LogConfig

    memory = (limits.memory + BESIDE + SCRATCH) * 2**20
    return {
        "image": image,
        "entrypoint": ["python3", "-I", "-c", Path(code_driver.__file__).read_text("utf-8")],
        "command": [],
        "user": USER,
        "working_dir": "/tmp",  # noqa: S108 - the container's own
        "environment": {"TMPDIR": "/tmp"},  # noqa: S108
        "labels": {LABEL: "1"},
        "network_mode": "none",
        "read_only": True,
        "tmpfs": {"/tmp": f"rw,nosuid,nodev,noexec,size={SCRATCH}m,mode=1777"},  # noqa: S108
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "pids_limit": PIDS,
        "mem_limit": memory,
        "memswap_limit": memory,
        "nano_cpus": 1_000_000_000,
        # What it says is read as it comes, and not kept.
        "log_config": LogConfig(type="none"),
        "stdin_open": True,
        "auto_remove": True,
        # Its first process is the driver, which no program can kill.
        "init": False,
    }


@contextlib.contextmanager
def _attached(engine: Engine, container: str) -> Iterator[socket.socket]:
    """The container's input and output, held before it starts, so that nothing is missed."""
    held = engine.client.api.attach_socket(container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    try:
        with socket.socket(fileno=os.dup(held.fileno())) as connection:
            yield connection
    finally:
        held.close()


class _Output:
    """What a container says until it ends, or the ``deadline`` comes.

    The engine puts eight bytes before every piece: which stream it is of, and its length.
    """

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection, self._deadline = connection, deadline
        #: Of the standard error, for the message where the driver does not come to work.
        self.errors = b""

    def lines(self) -> Iterator[bytes]:
        """The whole lines of the standard output."""
        text = b""
        while (head := self._exactly(8)) is not None:
            stream, length = struct.unpack(">BxxxL", head)
            piece = self._exactly(length)
            if piece is None:
                return
            if stream == 1:
                *whole, text = (text + piece).split(b"\n")
                yield from whole
            else:
                self.errors = (self.errors + piece)[-SHOWN:]

    def _exactly(self, length: int) -> bytes | None:
        found = b""
        while len(found) < length:
            left = self._deadline - time.monotonic()
            if left <= 0:
                return None
            self._connection.settimeout(left)
            try:
                piece = self._connection.recv(length - len(found))
            except TimeoutError:
                return None
            if not piece:
                return None
            found += piece
        return found


def _ends(output: _Output, token: str, count: int) -> list[list[str]]:
    """What the driver says of each program, in their order. A line without the token is not the driver's.

    Raises :class:`EnvironmentProblem` where the driver itself has failed.
    """
    found: list[list[str]] = []
    at = -1
    for line in output.lines():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if not isinstance(said, dict) or said.get("token") != token or said.get("at") != at:
            continue
        if at >= 0:
            found.append([str(end) for end in said["ends"]])
        at += 1
        if at == count:
            break
    # No program can write to the driver's own streams.
    if at < 0 or (at < count and output.errors):
        told = " ".join(output.errors.decode("utf-8", "replace").split())
        raise EnvironmentProblem(
            f"the container that tries the code of answers does not work{': ' if told else ''}{told}",
            hint="`runner doctor` shows the engine and the image",
        )
    return found
