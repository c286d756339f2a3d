"""The server's process: its socket, its signals, and its end.

The first SIGTERM or SIGINT has it take nothing new, and say so at ``/health``; what runs may end, within a limit, and
then it goes. A second one ends it at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, cast

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from runner.errors import EnvironmentProblem
from runner.serving.gathered_writes import GatheredWrites
from runner.serving.service import Service

#: Bytes of a request's headers that are read before it is refused unread; below, the application says what is wrong.
LARGEST_HEAD = 64 * 1024
#: Seconds that a client has to say what it asks, once it is connected.
HEAD_SECONDS = 20.0
#: Connections at a time.
CONNECTIONS = 1024
#: Seconds between two looks at what still runs.
LOOK = 0.05


def listen(host: str, port: int) -> socket.socket:
    """A socket to serve on; port 0 is any that is free. Raises :class:`EnvironmentProblem` where there is none."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        found = socket.create_server((host, port), family=family, backlog=1024)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise EnvironmentProblem(
            f"{host}:{port} cannot be listened on: {reason.lower()}",
            where="--port",
            hint="another port, or 0 for one that is free",
        ) from None
    return found


def address_of(listening: socket.socket) -> str:
    """``http://127.0.0.1:8000``"""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Protocol(H11Protocol):
    """HTTP/1.1 whose clients say within a time what they ask."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(cast("asyncio.Transport", GatheredWrites(transport, self.loop)))
        self._waiting = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def handle_events(self) -> None:
        super().handle_events()
        if self.cycle is not None and self._waiting is not None:
            self._waiting.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        super().connection_lost(exc)

    def _too_slow(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP, or a head that is too large."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()
            return
        super().send_400_response(msg)


class Server(uvicorn.Server):
    """A server of one service."""

    def __init__(self, app: ASGIApp, service: Service, drain_seconds: float, say: Callable[[str], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                loop="asyncio",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                h11_max_incomplete_event_size=LARGEST_HEAD,
                limit_concurrency=CONNECTIONS,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=5,
            )
        )
        self._service, self._drain_seconds, self._say = service, drain_seconds, say
        self._draining: asyncio.Task[None] | None = None
        service.on_failed = self._failed

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Heard in the loop. Signals that were ignored stay so."""
        loop = asyncio.get_running_loop()
        heard = [
            number
            for number in (signal.SIGINT, signal.SIGTERM)
            if _is_main_thread() and signal.getsignal(number) is not signal.SIG_IGN
        ]
        for number in heard:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in heard:
                loop.remove_signal_handler(number)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal begins the end, the second is the end."""
        if self._draining is None:
            self._draining = asyncio.get_running_loop().create_task(self.drain())
            return
        self._say("ended at once")
        sys.stderr.flush()
        # Whatever a thread is at: nothing here has to be written.
        os._exit(128 + sig)

    def _failed(self) -> None:
        self.should_exit = True

    async def drain(self) -> None:
        """Take nothing new, let what runs end within the limit, and go."""
        service = self._service
        service.drain()
        if service.running:
            self._say(f"ending: {service.running} running, {self._drain_seconds:g} s at most; again ends it at once")
        deadline = asyncio.get_running_loop().time() + self._drain_seconds
        while service.running and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(LOOK)
        if service.running:
            self._say(f"{service.running} cut after {self._drain_seconds:g} s")
            await service.close()
        self.should_exit = True


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def serve(
    app: ASGIApp, service: Service, listening: socket.socket, drain_seconds: float, say: Callable[[str], None]
) -> None:
    """Serve until a signal ends it. Raises :class:`~runner.errors.RunnerError` where a model fails at the start."""
    Server(app, service, drain_seconds, say).run(sockets=[listening])
    if service.failure is not None:
        raise service.failure
