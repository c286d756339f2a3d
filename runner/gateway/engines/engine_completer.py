"""A model that an engine answers for. See :class:`~runner.serving.completions.Completer`."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from runner.contract.quantities import counted
from runner.errors import RunFailed
from runner.gateway.engines.engine_process import EngineProcess
from runner.gateway.http_client import HttpClient
from runner.gateway.remote_completer import Failed, RemoteAnswer, RemoteCompleter
from runner.serving.completions import Answering, Piece, Refusal, Request, Served, Settings, Usage
from runner.tasks.ranking.backend_sections import Backend

#: Seconds between two looks at an engine that begins, and for one look; seconds in which an end may be on its way.
AGAIN, LOOK, ENDING = 0.25, 5.0, 2.0
PROBE = "Hello"


@dataclass(frozen=True)
class EngineFacts:
    """What is said of an engine's model."""

    #: ``sft/helper/v3``, and the hash of its manifest.
    root: str
    manifest: str | None
    #: ``vllm 0.11.0``
    engine: str
    created: int
    does: frozenset[str]
    fields: frozenset[str]
    without: frozenset[str]


class EngineCompleter:
    """One model, under all of its names. An engine that ended is not begun again: what ended it would end it again, and
    who watches ``/health`` begins the whole anew."""

    def __init__(
        self,
        process: EngineProcess,
        backend: Backend,
        names: Sequence[str],
        facts: EngineFacts,
        *,
        headers: Mapping[str, str],
        most: int,
        patience: float,
        say: Callable[[str], None] = lambda text: None,
        over: Callable[[], None] = lambda: None,
    ) -> None:
        """``most`` are the answers that it may have under way and in line, ``patience`` the seconds to its first;
        ``over`` is called once, at the end."""
        self._process, self._facts, self._say, self._over = process, facts, say, over
        self._most, self._patience = most, patience
        self._client = HttpClient()
        self._remote = RemoteCompleter(names[0], backend, headers, self._client, texts=True)
        self._health = f"{str(backend.url).removesuffix('/v1')}/health"
        self._names = [
            Served(name, facts.root, facts.created, facts.does, fields=facts.fields, without=facts.without)
            for name in names
        ]
        #: Answers under way, and in line.
        self.unfinished = 0
        self._well = self._told = False

    def served(self) -> Sequence[Served]:
        return self._names

    async def start(self, request: Request) -> Answering:
        """Ask the engine. Raises :class:`Refusal`."""
        self._need_it()
        count = request.settings.n
        if self.unfinished + count > self._most:
            raise Refusal(
                429,
                f"{request.model} has {counted(self.unfinished, 'answers')} under way and in line, and takes "
                f"{self._most:,}",
                code="queue_full",
                retry_after=1,
            )
        self.unfinished += count
        try:
            inner = await self._remote.start(_as_here(request))
        except BaseException as error:
            self.unfinished -= count
            if isinstance(error, Failed):
                await self._explain(error)
            raise
        return _EngineAnswer(self, inner, request, self._facts)

    async def ready(self) -> None:
        """Wait for the engine to begin and to make a token; later, see whether it is there.

        Raises :class:`~runner.errors.RunFailed` with the end of its log where it does not begin, and :class:`Refusal`
        where it is not well any more.
        """
        if self._well:
            self._need_it()
            if not await self._answers():
                raise Refusal(503, f"{self._facts.engine} does not say that it is well")
            return
        try:
            async with asyncio.timeout(self._patience):
                while not await self._answers():
                    if (code := self._process.ended()) is not None:
                        raise self._failed(f"ended with code {code} before it was ready")
                    await asyncio.sleep(AGAIN)
                await self._probe()
        except TimeoutError:
            raise self._failed(f"was not ready after {self._patience:g} s (--engine-seconds)") from None
        self._well = True

    async def close(self) -> None:
        """End the engine."""
        await self._client.aclose()
        await asyncio.to_thread(self._process.end)
        self._over()

    # ---- Inside

    async def _answers(self) -> bool:
        """Whether it says that it is well."""
        try:
            return await self._client.status(self._health, LOOK) == 200
        except (TimeoutError, aiohttp.ClientError):
            return False

    async def _probe(self) -> None:
        chats = "chat" in self._facts.does
        messages = ({"role": "user", "content": PROBE},) if chats else None
        settings = Settings(max_tokens=1)
        asked = Request(self._names[0].name, messages, None if chats else PROBE, settings)
        try:
            answer = await self._remote.start(asked)
        except Refusal as refusal:
            await self._process.ends_within(ENDING)
            raise self._failed(f"makes no token: {refusal.message}") from refusal
        await answer.close()

    def _failed(self, what: str) -> RunFailed:
        tail = self._process.tail()
        return RunFailed(f"{self._facts.engine} {what}", hint=f"the end of its log:\n{tail}" if tail else None)

    def _need_it(self) -> None:
        """Raise :class:`Refusal` where the engine has ended."""
        if (code := self._process.ended()) is not None:
            raise self._ended(code)

    def _ended(self, code: int) -> Refusal:
        said = f"{self._facts.engine} has ended with code {code}, and is not begun again"
        if not self._told:
            self._told = True
            self._say(f"{said}; the end of its log:\n{self._process.tail()}")
        return Refusal(503, f"{said}: start the server anew", code="engine_ended")

    async def _explain(self, failure: Failed) -> None:
        """Raise what is known better of a failure: that the engine ended. A connection breaks a moment before."""
        if failure.reason in ("no connection", "the connection broke", "an answer cut short", "an empty answer"):
            code = await self._process.ends_within(ENDING)
            if code is not None:
                raise self._ended(code) from failure


def _as_here(request: Request) -> Request:
    """A request whose settings say what ``runner serve`` takes them for where they say nothing."""
    settings = request.settings
    if settings.temperature is None:
        settings = replace(settings, temperature=0.0)
    elif settings.temperature > 0 and settings.seed is None:
        settings = replace(settings, seed=secrets.randbits(31))
    return replace(request, settings=settings)


class _EngineAnswer:
    """An answer of the engine's, under the name that was asked for."""

    def __init__(self, completer: EngineCompleter, inner: RemoteAnswer, request: Request, facts: EngineFacts) -> None:
        self._completer, self._inner, self._count = completer, inner, request.settings.n
        self.model = request.model
        mode = f"engine {facts.engine}"
        self.fingerprint = ":".join(filter(None, (facts.root, (facts.manifest or "")[:12], facts.engine)))
        self.headers: Mapping[str, str] = {"x-runner-model": facts.root, "x-runner-mode": mode}
        self.prompt_ids: Sequence[int] | None = None
        self._closed = False

    @property
    def usage(self) -> Usage | None:
        return self._inner.usage

    async def pieces(self) -> AsyncGenerator[Piece, Any]:
        try:
            async for piece in self._inner.pieces():
                yield piece
        except Failed as failure:
            await self._completer._explain(failure)
            raise

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._completer.unfinished -= self._count
            await self._inner.close()
