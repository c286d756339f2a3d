"""An OpenAI-compatible endpoint in the test's own event loop, that answers, errs, lies and dies as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

DONE = b"data: [DONE]\n\n"
#: What stands in a script: wait until nobody is there, or cut the connection. An event there is waited for.
HANG, KILL = object(), object()


def event(document: Any) -> bytes:
    return b"data: " + (document if isinstance(document, bytes) else json.dumps(document).encode()) + b"\n\n"


def delta(text: str = "", finish: str | None = None, **more: Any) -> bytes:
    said = ({"content": text} if text else {}) | more
    return event({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": said, "finish_reason": finish}]})


def usage(prompt: Any = 10, completion: Any = 2, **more: Any) -> bytes:
    told = {"prompt_tokens": prompt, "completion_tokens": completion} | more
    return event({"choices": [], "usage": told})


def answer(*texts: str, prompt: Any = 10, completion: Any = None, **more: Any) -> list[Any]:
    """A stream as it should be."""
    count = len(texts) if completion is None else completion
    return [*(delta(text) for text in texts), delta(finish="stop"), usage(prompt, count, **more), DONE]


@dataclass
class Reply:
    """One response: chunks of its body, and what is done between them."""

    script: Sequence[Any]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})


def refusal(status: int, message: str = "no", **error: Any) -> Reply:
    body = json.dumps({"error": {"message": message} | error}).encode()
    return Reply([body], status, {"content-type": "application/json", "retry-after": "7"})


@dataclass
class Stub:
    """What it is asked and what it answers: the replies in their order, then ``always``."""

    always: Reply
    replies: list[Reply] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    url: str = ""
    #: Connections that were closed by the other side while an answer was on its way.
    left: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _tasks: set[Any] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                body = await reader.readexactly(int(fields.get("content-length", 0)))
                self.paths.append(head[0].split(" ")[1])
                self.heads.append(fields)
                self.bodies.append(json.loads(body) if body else {})
                if not await self._reply(self.replies.pop(0) if self.replies else self.always, reader, writer):
                    break
        self._tasks.discard(task)
        with contextlib.suppress(ConnectionError):
            writer.close()

    async def _reply(self, reply: Reply, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        lines = [f"HTTP/1.1 {reply.status} X", "transfer-encoding: chunked"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        for step in reply.script:
            if step is KILL:
                await writer.drain()
                writer.transport.abort()
                return False
            if step is HANG:
                await writer.drain()
                await reader.read(1)
                self.left.set()
                return False
            if isinstance(step, asyncio.Event):
                await writer.drain()
                await step.wait()
                continue
            writer.write(b"%x\r\n%b\r\n" % (len(step), step))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def kill(self) -> None:
        """Nobody is there any more, all of a sudden."""
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()


@asynccontextmanager
async def serving(*stubs: Stub) -> AsyncIterator[None]:
    """Stubs at addresses of their own."""
    for stub in stubs:
        stub._server = await asyncio.start_server(stub.serve, "127.0.0.1", 0, limit=2**24)
        port = stub._server.sockets[0].getsockname()[1]
        stub.url = f"http://127.0.0.1:{port}/v1"
    try:
        yield
    finally:
        for stub in stubs:
            await stub.kill()


Check = Callable[[], Any]
