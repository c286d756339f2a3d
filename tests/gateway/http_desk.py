"""A gateway behind HTTP, with its stubs, in a thread of the test's process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
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
def behind_http(rules: Rules | None = None, **words: Any) -> Iterator[Behind]:
    """Serve until the block is left. ``words`` are the gateway's."""
    listening = listen("127.0.0.1", 0)
    begun: list[Any] = []

    async def serve() -> None:
        async with gateway(**words) as (own, stubs):
            service = Service([own], (), rules)
            service.measurements.others.append(own.counters.registry)
            server = Server(application(service, routes(service, own)), service, 10.0, lambda text: None)
            begun.extend([own, stubs, server])
            await server.serve(sockets=[listening])

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    while len(begun) < 3 or not begun[2].started:
        assert thread.is_alive()
        time.sleep(0.005)
    try:
        yield Behind(begun[0], begun[1], address_of(listening))
    finally:
        begun[2].should_exit = True
        thread.join(PATIENCE)
        listening.close()
