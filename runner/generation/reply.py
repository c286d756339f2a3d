"""An answer that is being made, for who waits in a thread and for who waits in a coroutine."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from runner.errors import UsageError

Piece = TypeVar("Piece", covariant=True)
Whole = TypeVar("Whole", covariant=True)


class Reading(Protocol[Piece]):
    """Makes pieces of tokens."""

    def add(self, token: int) -> Piece | None:
        """What may be shown once this token is there; None for nothing."""

    def rest(self) -> Piece | None:
        """What was held back, once the answer is over."""


class Reader(Protocol[Piece, Whole]):
    """What is made of a line's tokens, piece by piece and as a whole."""

    def begin(self, line: Any) -> Reading[Piece]:
        """A reading from the first token on."""

    def whole(self, line: Any, *, interrupted: bool) -> Whole:
        """All of the answer. ``interrupted``: it was given up before its end."""


class Reply(Generic[Piece, Whole]):
    """One answer. The engine is at work on it from the moment that this is there.

    ``for piece in reply`` and ``async for piece in reply`` give its pieces as they are made, from the first, however
    often; ``reply.result()`` and ``await reply`` wait for all of it. An error of the model is raised by each of them.
    """

    def __init__(self, line: Any, reader: Reader[Piece, Whole], give_up: Callable[[], None]) -> None:
        self._line, self._reader, self._give_up = line, reader, give_up
        self._changed = threading.Condition()
        #: What wakes the coroutines that wait.
        self._wakes: list[Callable[[], object]] = []
        self._over = self._interrupted = False
        self._error: BaseException | None = None

    @property
    def done(self) -> bool:
        """Whether it is over: ended, given up or failed."""
        return self._over

    def cancel(self) -> None:
        """Make no more of it. What was made stays, with ``interrupted`` as the reason that it ended for."""
        if not self._over:
            self._give_up()

    def result(self, timeout: float | None = None) -> Whole:
        """All of it. Raises ``TimeoutError`` where it is not over after so many seconds; it is made all the same."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._over, timeout):
                raise TimeoutError(f"the answer is not over after {timeout} seconds")
        return self._whole()

    def __iter__(self) -> Iterator[Piece]:
        reading, seen = self._reader.begin(self._line), 0
        while True:
            with self._changed:
                self._changed.wait_for(partial(self._is_news, seen))
            over, count = self._over, len(self._line.made)
            yield from self._pieces(reading, seen, count)
            seen = count
            if over:
                yield from self._last(reading)
                return

    async def __aiter__(self) -> AsyncIterator[Piece]:
        reading, seen = self._reader.begin(self._line), 0
        while True:
            await self._news(seen)
            over, count = self._over, len(self._line.made)
            for piece in self._pieces(reading, seen, count):
                yield piece
            seen = count
            if over:
                for piece in self._last(reading):
                    yield piece
                return

    def __await__(self) -> Generator[Any, None, Whole]:
        return self._waited().__await__()

    # ---- For the engine

    def grew(self) -> None:
        """A token more."""
        self._tell()

    def ended(self, error: BaseException | None = None, *, interrupted: bool = False) -> None:
        """It is over: by itself, with an error, or given up."""
        with self._changed:
            self._error, self._interrupted, self._over = error, interrupted, True
        self._tell()

    # ---- Inside

    def _tell(self) -> None:
        with self._changed:
            wakes, self._wakes = self._wakes, []
            self._changed.notify_all()
        for wake in wakes:
            # A loop that is closed has nobody who waits.
            with contextlib.suppress(RuntimeError):
                wake()

    def _is_news(self, seen: int) -> bool:
        return self._over or len(self._line.made) > seen

    async def _news(self, seen: int | None) -> None:
        """Wait until there are more tokens than ``seen``, or it is over; without a number, until that alone."""
        loop = asyncio.get_running_loop()
        while True:
            woken = asyncio.Event()
            with self._changed:
                if self._over or (seen is not None and self._is_news(seen)):
                    return
                self._wakes.append(partial(loop.call_soon_threadsafe, woken.set))
            await woken.wait()

    async def _waited(self) -> Whole:
        await self._news(None)
        return self._whole()

    def _whole(self) -> Whole:
        if self._error is not None:
            raise self._error
        return self._reader.whole(self._line, interrupted=self._interrupted)

    def _pieces(self, reading: Reading[Piece], seen: int, count: int) -> Iterator[Piece]:
        for token in self._line.made[seen:count]:
            if (piece := reading.add(token)) is not None:
                yield piece

    def _last(self, reading: Reading[Piece]) -> Iterator[Piece]:
        if self._error is not None:
            raise self._error
        if (piece := reading.rest()) is not None:
            yield piece


def need_count(count: int) -> None:
    """Raise :class:`UsageError` for a number of answers that is none."""
    if count < 1:
        raise UsageError(f"{count} answers are none", where="count", hint="ask for at least 1")
