"""A stretch of work in which any access to a network is an error that names who asked for it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from runner.errors import EnvironmentProblem

#: Packages that pass a request on for others, by how their names begin.
CARRIERS = ("socket", "ssl", "http", "urllib", "requests", "anyio", "asyncio", "concurrent", "threading", "tenacity")


@contextmanager
def without_network() -> Iterator[None]:
    """Refuse names to be looked up and connections to be made, but for sockets of this machine's own programs.

    Raises :class:`EnvironmentProblem` at the end of the stretch, also where whoever asked took the refusal in silence.
    """
    asked: list[str] = []
    names, connect = socket.getaddrinfo, socket.socket.connect

    def refuse(place: object) -> EnvironmentProblem:
        asked.append(f"{_caller()} ({place})")
        # No OSError: libraries try those again and again.
        return _told(asked)

    def no_names(host: Any, *words: Any, **more: Any) -> Any:
        raise refuse(host)

    def no_connection(self: socket.socket, address: Any) -> Any:
        if self.family == getattr(socket, "AF_UNIX", None):
            return connect(self, address)
        raise refuse(address[0] if isinstance(address, tuple) else address)

    socket.getaddrinfo = no_names
    socket.socket.connect = no_connection  # type: ignore[assignment, method-assign]
    try:
        yield
    except Exception as error:
        if asked:
            raise _told(asked) from error
        raise
    finally:
        socket.getaddrinfo, socket.socket.connect = names, connect  # type: ignore[method-assign]
    if asked:
        raise _told(asked)


@contextmanager
def unguarded() -> Iterator[None]:
    """The same without a guard."""
    yield


def _told(asked: list[str]) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"{asked[0]} asked for a network",
        where="--offline",
        hint="name data and models that are on this machine, or leave --offline out",
    )


def _caller() -> str:
    """The module that asked: the nearest that does not pass requests on."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name != __name__ and not name.startswith(CARRIERS):
            return name
        frame = frame.f_back
    return "the program"
