"""Work that takes turns in one thread, for coroutines that wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class Turns:
    """One thread, begun with the first work. It is no reason for the process to stay."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def take(self, work: Callable[[], Result]) -> Result:
        """What ``work`` gives, or raises, once it was its turn. Who is cancelled before is passed over."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()

        def turn() -> None:
            if future.cancelled():
                return
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                _tell(loop, future, future.set_exception, error)
            else:
                _tell(loop, future, future.set_result, result)

        if self._thread is None:
            self._thread = threading.Thread(target=self._go, name=self._name, daemon=True)
            self._thread.start()
        self._work.put(turn)
        return await future

    def _go(self) -> None:
        while True:
            self._work.get()()


def _tell(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Result],
    told: Callable[..., None],
    value: object,
) -> None:
    def tell() -> None:
        if not future.cancelled():
            told(value)

    # A loop that is closed has nobody who waits.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(tell)
