"""Events to a client as they come, and work that ends when the client goes away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping
from typing import Any, TypeVar, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from runner.serving.completions import Refusal

Result = TypeVar("Result")


class EventStream(Response):
    """Server-sent events. Whatever ends it, also a client that goes away, the events' generator is closed."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], headers: Mapping[str, str]) -> None:
        self._events = cast("AsyncGenerator[bytes, None]", events)
        self.status_code, self.background = 200, None
        # There is no `body`: its length would be told.
        self.init_headers({"cache-control": "no-store", "x-accel-buffering": "no", **headers})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            # Who went away is told nothing more.
            await _until_gone(self._send(send), receive)
        finally:
            # Not begun, or between two events: only then is there something left to close.
            await self._events.aclose()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for chunk in self._events:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def unless_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """What the work gives. It is given up once the client goes away, and :class:`Refusal` is raised to nobody then."""
    found = await _until_gone(work, request.receive)
    if found is None:
        raise Refusal(499, "the client went away", code="gone")
    return found[0]


async def _until_gone(work: Coroutine[Any, Any, Result], receive: Receive) -> tuple[Result] | None:
    """What the work gives, or raises; None where the client went away before. Neither goes on behind this."""
    doing = asyncio.create_task(work)
    going = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({doing, going}, return_when=asyncio.FIRST_COMPLETED)
        return (doing.result(),) if doing.done() else None
    finally:
        for task in (going, doing):
            task.cancel()
        for task in (going, doing):
            with contextlib.suppress(asyncio.CancelledError, Refusal):
                await task


async def _gone(receive: Receive) -> None:
    """Return once the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
