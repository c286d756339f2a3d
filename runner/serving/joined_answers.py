"""Answers to several prompts of one request, as one answer to it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace

from runner.serving.completions import Answering, Piece, Usage


class Joined:
    """Answers side by side: those of the first prompt have the first indices, ``each`` of them a prompt."""

    def __init__(self, parts: Sequence[Answering], each: int) -> None:
        self._parts, self._each = parts, each
        self.model, self.fingerprint = parts[0].model, parts[0].fingerprint
        self.headers: Mapping[str, str] = parts[0].headers
        self.prompt_ids: Sequence[int] | None = None

    def pieces(self) -> AsyncGenerator[Piece, None]:
        return merged([self._told(at) for at in range(len(self._parts))])

    async def _told(self, at: int) -> AsyncGenerator[Piece, None]:
        async with contextlib.aclosing(self._parts[at].pieces()) as pieces:
            async for piece in pieces:
                yield replace(piece, index=piece.index + at * self._each)

    @property
    def usage(self) -> Usage | None:
        known = [usage for part in self._parts if (usage := part.usage) is not None]
        if len(known) < len(self._parts):
            return None
        return Usage(sum(usage.prompt_tokens for usage in known), sum(usage.completion_tokens for usage in known))

    async def close(self) -> None:
        for part in self._parts:
            await part.close()


async def merged(streams: Sequence[AsyncGenerator[Piece, None]]) -> AsyncGenerator[Piece, None]:
    """The pieces of several streams, each as soon as it is there. What one raises ends them all."""
    if len(streams) == 1:
        async for piece in streams[0]:
            yield piece
        return
    found: asyncio.Queue[Piece | BaseException | None] = asyncio.Queue()

    async def read(stream: AsyncGenerator[Piece, None]) -> None:
        try:
            async for piece in stream:
                found.put_nowait(piece)
        except Exception as error:  # noqa: BLE001 - raised where the pieces are read
            found.put_nowait(error)
            return
        found.put_nowait(None)

    tasks = [asyncio.create_task(read(stream)) for stream in streams]
    try:
        going = len(tasks)
        while going:
            told = await found.get()
            if isinstance(told, BaseException):
                raise told
            if told is None:
                going -= 1
            else:
                yield told
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
