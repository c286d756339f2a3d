"""A server on loopback, in a thread of the test's process, and the clients that ask it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import openai

from runner.serving.application import application
from runner.serving.opened_models import Limits, open_models
from runner.serving.server import Server, address_of, listen
from runner.serving.service import Rules, Service
from runner.workspace import Workspace

#: Seconds that no test waits for.
PATIENCE = 240


@dataclass
class Running:
    """One server."""

    service: Service
    server: Server
    address: str
    loop: asyncio.AbstractEventLoop

    def client(self, **words: Any) -> openai.OpenAI:
        """OpenAI's, which tries nothing twice."""
        given = {"api_key": "any", "max_retries": 0, "timeout": PATIENCE} | words
        return openai.OpenAI(base_url=f"{self.address}/v1", **given)

    def async_client(self) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=f"{self.address}/v1", api_key="any", max_retries=0, timeout=PATIENCE)

    def post(self, path: str, document: Any = None, **words: Any) -> httpx.Response:
        """One request without any client's help."""
        given = words if document is None else {"json": document} | words
        return httpx.post(f"{self.address}{path}", timeout=PATIENCE, **given)

    def get(self, path: str, **words: Any) -> httpx.Response:
        return httpx.get(f"{self.address}{path}", timeout=PATIENCE, **words)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for a state of the server."""
        begun = time.monotonic()
        while not holds():
            assert time.monotonic() - begun < PATIENCE
            time.sleep(0.005)


@contextmanager
def run(
    service: Service, drain_seconds: float = 30.0, say: Callable[[str], None] = lambda text: None
) -> Iterator[Running]:
    """Serve until the block is left."""
    listening: socket.socket = listen("127.0.0.1", 0)
    server = Server(application(service), service, drain_seconds, say)
    begun: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        begun.append(asyncio.get_running_loop())
        await server.serve(sockets=[listening])

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    try:
        yield Running(service, server, address_of(listening), begun[0])
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listening.close()


@contextmanager
def serving(
    home: Any,
    words: Sequence[str],
    *,
    rules: Rules | None = None,
    limits: Limits | None = None,
    drain_seconds: float = 30.0,
    **given: Any,
) -> Iterator[Running]:
    """Serve stored models of a folder, and begin once they are ready."""
    opened = open_models(Workspace.below(home), words, limits=limits or Limits(), **given)
    service = Service([opened.language], opened.rows, rules)
    with run(service, drain_seconds) as running:
        running.until(lambda: running.get("/health").status_code == 200)
        yield running
