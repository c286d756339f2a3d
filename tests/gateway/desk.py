"""A gateway for tests: a router that scores by what a prompt says, and stubs behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from runner.data.prompt_rows import Row
from runner.errors import RunFailed
from runner.gateway.answer_costs import against
from runner.gateway.backend_choice import Policy
from runner.gateway.gateway_completer import Gateway
from runner.gateway.http_client import HttpClient
from runner.gateway.remote_completer import RemoteCompleter
from runner.gateway.request_routing import Decider
from runner.gateway.scoring import Scorer
from runner.serving.completions import Request, Settings
from runner.tasks.ranking.backend_sections import Backend
from tests.gateway.stub_backend import Reply, Stub, answer, serving

LLMS = ("small", "middle", "big")
#: Of a million tokens; an answer has ten.
PRICES = {
    name: {"input": price, "output": price, "answer_tokens": 10} for name, price in zip(LLMS, (1, 4, 20), strict=True)
}


class Router:
    """Scores each LLM 0, the one that a prompt names first 2, and others that it names 1. A prompt with "broken" in it
    cannot be scored."""

    def __init__(self, names: Sequence[str] = LLMS) -> None:
        self.names = list(names)
        self.opened = SimpleNamespace(parameter=lambda name: 1.0, reference="made/router/v1")
        self.read: list[Row] = []
        self.batches: list[int] = []

    def answer(self, rows: Sequence[Row], batch_size: int) -> np.ndarray:
        self.read += rows
        self.batches.append(len(rows))
        if any("broken" in row.prompt for row in rows):
            raise RunFailed("the score is nan")
        return np.array([[self._score(row.prompt, name) for row in rows] for name in self.names], np.float64)

    def _score(self, prompt: str, name: str) -> float:
        named = sorted((prompt.find(each), each) for each in self.names if each in prompt)
        return 0.0 if name not in prompt else 2.0 if named[0][1] == name else 1.0


def decider(backends: Mapping[str, Backend], router: Router | None = None, **more: Any) -> Decider:
    strongest = against(backends, None, None)
    return Decider(Scorer(cast("Any", router or Router(list(backends)))), backends, strongest=strongest, **more)


@asynccontextmanager
async def gateway(
    policy: Policy | None = None,
    stubs: Mapping[str, Stub] | None = None,
    fields: Mapping[str, Mapping[str, Any]] | None = None,
    router: Router | None = None,
    **more: Any,
) -> AsyncIterator[tuple[Gateway, dict[str, Stub]]]:
    """A gateway to three stubs. ``fields`` are those of a backend beside its address and price."""
    found = {name: (stubs or {}).get(name) or Stub(Reply(answer(f"I am {name}"))) for name in LLMS}
    async with serving(*found.values()), HttpClient() as client:
        backends = {
            name: Backend.model_validate(
                {"url": stub.url, "price": PRICES[name], "timeout": 5.0} | dict((fields or {}).get(name, {}))
            )
            for name, stub in found.items()
        }
        completers = {name: RemoteCompleter(name, backend, {}, client) for name, backend in backends.items()}
        made = decider(backends, router)
        words = {"strongest": made.strongest, "also_closed": client.aclose} | more
        own = Gateway(made, policy or Policy(), completers, **words)
        try:
            yield own, found
        finally:
            await own.close()


def user(
    text: Any, *before: Mapping[str, Any], model: str = "router", streamed: bool = False, **fields: Any
) -> Request:
    """A question, and what went before it."""
    headers = fields.pop("headers", {})
    settings = Settings(**fields.pop("settings", {}))
    messages = (*before, {"role": "user", "content": text})
    return Request(model, messages, settings=settings, fields=fields, headers=headers, streamed=streamed)


async def said(own: Gateway, request: Request) -> tuple[str, dict[str, str]]:
    """The text of an answer, and its headers."""
    answering = await own.start(request)
    try:
        text = "".join([piece.text async for piece in answering.pieces()])
        return text, dict(answering.headers)
    finally:
        await answering.close()
