"""An LLM behind an OpenAI-compatible endpoint, asked for a stream and read with distrust.

A request is begun when its first piece is there: what fails until then may be asked of another
(:attr:`Failed.elsewhere`). An endpoint's key goes into the header of its own request, and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import aiohttp

from runner.gateway.endpoint_answers import Malformed, pieces_of, said_something, usage_of
from runner.gateway.endpoint_events import Endless, EventLines, WholeBody
from runner.gateway.http_client import HttpClient, why
from runner.gateway.request_needs import needs_of
from runner.serving.completions import Piece, Refusal, Request, Served, Usage
from runner.tasks.ranking.backend_sections import Backend

#: Bytes of an error that are read, and characters of it that are told.
MOST_OF_ERROR, TOLD = 64 * 1024, 300
#: Codes of an endpoint that say what is wrong with the request itself: another endpoint would say the same.
OF_THE_REQUEST = (400, 413, 422)
TOO_LONG = re.compile(r"context[_ ](length|window)|maximum context|too many tokens|prompt is too long", re.IGNORECASE)
#: Seconds to find out whether an endpoint is there, and what its error says.
LOOK = 5.0
#: Seconds that are waited for the end of a response that has said that it is over.
ENDING = 0.05
#: Fields of :class:`~runner.serving.completions.Settings` that OpenAI's wire has by the same name.
SETTINGS = ("temperature", "top_p", "top_k", "min_p", "min_tokens", "repetition_penalty", "seed")


class Failed(Refusal):
    """What an endpoint did instead of answering. ``reason`` is short and has no word of the endpoint's in it."""

    def __init__(
        self, reason: str, *, status: int = 502, elsewhere: bool = True, told: str = "", param: str | None = None,
        code: str | None = None, retry_after: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(status, told or reason, param=param, code=code, retry_after=retry_after)
        self.reason, self.elsewhere = reason, elsewhere


class RemoteCompleter:
    """One LLM behind an endpoint, by the name that a router has for it."""

    def __init__(
        self, llm: str, backend: Backend, headers: Mapping[str, str], client: HttpClient, *, texts: bool = False
    ) -> None:
        """``texts``: whether it goes on with texts too (``/completions``)."""
        assert backend.url is not None
        self._texts = texts
        self.llm, self.backend = llm, backend
        self._url = backend.url.rstrip("/")
        self._headers, self._client = dict(headers), client
        self._well = False
        self._open: set[RemoteAnswer] = set()
        root = backend.model or llm
        self._served = [Served(llm, root, int(time.time()), frozenset({"chat"}), "endpoint", frozenset({"*"}))]

    def served(self) -> Sequence[Served]:
        return self._served

    async def ready(self) -> None:
        if self._well:
            return
        try:
            await self._client.look(f"{self._url}/models", self._headers, LOOK)
        except (TimeoutError, aiohttp.ClientError) as error:
            raise Failed(why(error), status=503) from None
        self._well = True

    async def start(self, request: Request) -> RemoteAnswer:
        """Ask, and wait for the first piece. Raises :class:`Failed`."""
        body = self._body(request)
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"} | self._headers
        try:
            path = "completions" if request.messages is None else "chat/completions"
            response = await self._client.post(f"{self._url}/{path}", content, headers, self.backend.timeout)
        except (TimeoutError, aiohttp.ClientError) as error:
            raise Failed(why(error), status=504 if isinstance(error, TimeoutError) else 502) from None
        answer = RemoteAnswer(self, request, response)
        self._open.add(answer)
        try:
            if response.status != 200:
                raise await self._refused(response)
            await answer.begin()
        except BaseException:
            await answer.close()
            raise
        self._well = True
        return answer

    async def close(self) -> None:
        """Break off the answers that are being read; who reads them closes them, and who made the client that."""
        for answer in self._open:
            answer.break_off()

    def closed(self, answer: RemoteAnswer) -> None:
        """An answer is over."""
        self._open.discard(answer)

    def hidden(self, text: str) -> str:
        """A text of the endpoint's without its key, which some repeat in their errors."""
        key = self._headers.get("Authorization", "").removeprefix("Bearer ")
        return text.replace(key, "***") if key else text

    def _body(self, request: Request) -> dict[str, Any]:
        if request.messages is None and not self._texts:
            raise Refusal(400, f"{self.llm} answers conversations alone", param="prompt", code="unsupported_field")
        if request.messages is None and request.settings.logprobs:
            raise Refusal(
                400, f"logprobs is not honoured by {request.model} of texts", param="logprobs", code="unsupported_field"
            )
        for name in ("functions", "function_call"):
            if request.fields.get(name):
                raise Refusal(400, f"{name} is not passed on: use tools", param=name, code="unsupported_field")
        settings = request.settings
        asked: dict[str, Any] = {name: getattr(settings, name) for name in SETTINGS}
        asked |= {
            self.backend.max_tokens_field: settings.max_tokens,
            "stop": list(settings.stop) or None,
            "n": settings.n if settings.n > 1 else None,
            "logprobs": True if settings.logprobs else None,
            "top_logprobs": settings.top_logprobs or None,
        }
        own = {name: value for name, value in asked.items() if value is not None}
        body = dict(self.backend.parameters) | dict(request.fields) | own
        prompt = list(request.prompt) if isinstance(request.prompt, tuple) else request.prompt
        asked_for = {"prompt": prompt} if request.messages is None else {"messages": list(request.messages)}
        return (
            body
            | asked_for
            | {
                "model": self.backend.model or self.llm,
                "stream": True,
                "stream_options": {"include_usage": True},
            }
        )

    async def _refused(self, response: aiohttp.ClientResponse) -> Failed:
        """What a code that is no success means."""
        raw, status = b"", response.status
        try:
            async with asyncio.timeout(LOOK):
                async for chunk in response.content.iter_any():
                    raw += chunk
                    if len(raw) > MOST_OF_ERROR:
                        break
        except (TimeoutError, aiohttp.ClientError):
            pass
        reason, wait = f"HTTP {status}", _seconds(response.headers.get("retry-after"))
        if status not in OF_THE_REQUEST:
            return Failed(reason, status=429 if status == 429 else 502, retry_after=wait)
        told, param, code = _error_of(raw)
        told = self.hidden(told)[:TOLD]
        if status == 413 or code == "context_length_exceeded" or TOO_LONG.search(told):
            return Failed("too long", status=400, told=told, param=param, code=code or "context_length_exceeded")
        return Failed(reason, status=400, elsewhere=False, told=told or reason, param=param, code=code)


class RemoteAnswer:
    """An answer of an endpoint. The first piece is there when it begins."""

    def __init__(self, completer: RemoteCompleter, request: Request, response: aiohttp.ClientResponse) -> None:
        self._completer, self._request, self._response = completer, request, response
        self._deadline = time.monotonic() + completer.backend.longest
        # It was asked for a stream and may give the whole: as good, only later.
        whole = "json" in response.headers.get("content-type", "")
        self._lines: EventLines | WholeBody = WholeBody() if whole else EventLines()
        #: What was read and not handed on: pieces, and behind them what ended it before its time.
        self._read: deque[Piece] = deque()
        self._failure: Failed | None = None
        #: Whether the endpoint has said that it is over, and whether nothing more is read.
        self._done = self._over = False
        self._said = False
        self._open_ends = set(range(request.settings.n))
        #: Whether the endpoint's own count of tokens cannot be.
        self.doubted = False
        self._usage: Usage | None = None

    @property
    def model(self) -> str:
        return self._completer.llm

    @property
    def fingerprint(self) -> str:
        return self._completer.backend.model or self._completer.llm

    @property
    def headers(self) -> Mapping[str, str]:
        return {}

    @property
    def prompt_ids(self) -> Sequence[int] | None:
        return None

    @property
    def usage(self) -> Usage | None:
        return self._usage

    async def begin(self) -> None:
        """Wait for the first piece. Raises :class:`Failed`."""
        while not self._read:
            if self._over:
                raise Failed("an empty answer")
            await self._read_more()

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        while True:
            while self._read:
                yield self._read.popleft()
            if self._over:
                return
            await self._read_more()

    def break_off(self) -> None:
        """Have who reads it be told that the connection is gone."""
        self._response.close()

    async def close(self) -> None:
        self._completer.closed(self)
        content = self._response.content
        if self._done:
            # A connection that is read to its end is there for the next request.
            with contextlib.suppress(TimeoutError, aiohttp.ClientError):
                if not content.at_eof():
                    async with asyncio.timeout(ENDING):
                        await content.readany()
        # Gives the connection back where it was read to its end.
        self._response.release()

    async def _read_more(self) -> None:
        """Read what comes next, in time. Raises :class:`Failed` behind the pieces that came before."""
        failure = self._failure
        if failure is None:
            try:
                for data in self._lines.take(await self._chunk()):
                    self._take(data)
                    if self._over:
                        return
                if self._response.content.at_eof():
                    for data in self._lines.rest():
                        self._take(data)
                    self._end()
                return
            except Failed as error:
                failure = error
            except Endless:
                failure = Failed("an endless answer")
            except (Malformed, ValueError, RecursionError, TypeError, KeyError, AttributeError):
                failure = Failed("no chat completion")
        if not self._open_ends:
            # The answer is whole: what did not come is its count of tokens.
            self._over = True
        elif self._read:
            self._failure = failure
        else:
            raise failure

    async def _chunk(self) -> bytes:
        """The next bytes, none at the end. Raises :class:`Failed` where they do not come."""
        left, patience = self._deadline - time.monotonic(), self._completer.backend.timeout
        if not self._open_ends:
            left = min(left, LOOK)
        if left <= 0:
            raise Failed("an endless answer", status=504)
        try:
            async with asyncio.timeout(min(left, patience)):
                return await self._response.content.readany()
        except TimeoutError:
            raise Failed("an endless answer" if left < patience else "no answer in time", status=504) from None
        except aiohttp.ClientError as error:
            raise Failed(why(error)) from None

    def _take(self, data: bytes) -> None:
        """Read one document, or the word that ends a stream."""
        if self._over:
            return
        if data == b"[DONE]":
            self._done = True
            self._end()
            return
        document = json.loads(data)
        if not isinstance(document, dict):
            raise Malformed("a document that is no object")
        if document.get("error"):
            raise Failed("an error in the stream")
        for piece in pieces_of(document):
            self._said |= said_something(piece)
            if piece.index in self._open_ends:
                if piece.finish is not None:
                    self._open_ends.discard(piece.index)
                self._read.append(piece)
        if document.get("usage"):
            self._take_usage(document)

    def _end(self) -> None:
        if self._open_ends:
            raise Failed("an answer cut short")
        self._over = True

    def _take_usage(self, document: Mapping[str, Any]) -> None:
        settings = self._request.settings

        def longest_prompt() -> float | None:
            needs = needs_of(self._request)
            return None if needs.images else needs.longest - (settings.max_tokens or 0)

        self._usage, self.doubted = usage_of(
            document,
            said=self._said,
            longest_prompt=longest_prompt,
            most=None if settings.max_tokens is None else settings.max_tokens * settings.n,
        )


def _error_of(raw: bytes) -> tuple[str, str | None, str | None]:
    """Message, field and code of an endpoint's error, however it writes it."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return " ".join(raw.decode("utf-8", "replace").split()), None, None
    error = document.get("error", document) if isinstance(document, dict) else {}
    if not isinstance(error, dict):
        return str(error), None, None
    texts = [error.get(name) for name in ("message", "param", "code")]
    message, param, code = (text if isinstance(text, str) else None for text in texts)
    return message or "", param, code


def _seconds(word: str | None) -> int | None:
    return min(int(word), 3600) if word is not None and word.isascii() and word.isdigit() else None
