"""A gateway behind HTTP, with its stubs, in a thread of the test's process."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import openai

from runner.gateway.gateway_completer import Gateway
from runner.gateway.gateway_routes import routes
from runner.serving.application import application
from runner.serving.server import Server, address_of, listen
from runner.serving.service import Rules, Service
from tests.gateway.desk import gateway
from tests.gateway.stub_backend import Stub

PATIENCE = 240


@dataclass
class Behind:
    """A gateway that is asked over HTTP."""

    gateway: Gateway
    stubs: dict[str, Stub]
    address: str
    server: Server
    loop: asyncio.AbstractEventLoop

    def sigterm(self) -> None:
        """What the first signal does."""
        self.loop.call_soon_threadsafe(self.server.handle_exit, signal.SIGTERM, None)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for a state of the server."""
        begun = time.monotonic()
        while not holds():
            assert time.monotonic() - begun < PATIENCE
            time.sleep(0.005)

    def counted(self, metric: str) -> dict[str, float]:
        """The samples of one of the gateway's counters, by their labels."""
        found = self.gateway.counters.values(metric)
        return {" ".join(labels[name] for name in sorted(labels)): value for labels, value in found}

    def client(self, **words: Any) -> openai.OpenAI:
        given = {"api_key": "any", "max_retries": 0, "timeout": PATIENCE} | words
        return openai.OpenAI(base_url=f"{self.address}/v1", **given)

    def async_client(self) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=f"{self.address}/v1", api_key="any", max_retries=0, timeout=PATIENCE)

    def post(self, path: str, document: Any, **words: Any) -> httpx.Response:
        return httpx.post(f"{self.address}{path}", json=document, timeout=PATIENCE, **words)

    def get(self, path: str, **words: Any) -> httpx.Response:
        return httpx.get(f"{self.address}{path}", timeout=PATIENCE, **words)


@contextmanager
def behind_http(rules: Rules | None = None, drain_seconds: float = 10.0, **words: Any) -> Iterator[Behind]:
    """Serve until the block is left. ``words`` are the gateway's."""
    listening = listen("127.0.0.1", 0)
    begun: list[Any] = []

    async def serve() -> None:
        async with gateway(**words) as (own, stubs):
            service = Service([own], (), rules)
            service.measurements.others.append(own.counters.registry)
            server = Server(application(service, routes(service, own)), service, drain_seconds, lambda text: None)
            begun.extend([own, stubs, server, asyncio.get_running_loop()])
            await server.serve(sockets=[listening])

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    while len(begun) < 4 or not begun[2].started:
        assert thread.is_alive()
        time.sleep(0.005)
    try:
        yield Behind(begun[0], begun[1], address_of(listening), begun[2], begun[3])
    finally:
        begun[2].should_exit = True
        thread.join(PATIENCE)
        listening.close()
