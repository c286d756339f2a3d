"""Work that is done in the order in which it was asked for, in a thread that is there while there is any."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from runner.errors import UsageError

T = TypeVar("T")


class APIFuture(Generic[T]):
    """What will come of a request that is in the queue: waited for in a thread, or in a coroutine.

    A request is done whether anybody waits for it or not. What went wrong is raised by whoever waits.
    """

    def __init__(self, queue: WorkQueue) -> None:
        self._queue = queue
        self._future: Future[T] = Future()

    def result(self, timeout: float | None = None) -> T:
        """Wait for it. Raises ``TimeoutError`` after so many seconds; the request stays in the queue."""
        if self._queue.is_here and not self._future.done():
            raise UsageError(
                "this would wait for ever: it is called from within a request, and comes after it",
                hint="ask for it before, or after, the loss function",
            )
        return self._future.result(timeout)

    async def result_async(self, timeout: float | None = None) -> T:
        """The same in a coroutine."""
        # A task that is cancelled leaves the request in the queue.
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(self._future)), timeout)

    def __await__(self) -> Generator[Any, None, T]:
        return self.result_async().__await__()

    def coroutine(self) -> Coroutine[Any, Any, T]:
        """It as a coroutine."""
        return self.result_async()

    def future(self) -> Future[T]:
        """It as a future of :mod:`concurrent.futures`."""
        return self._future

    def done(self) -> bool:
        """Whether it is there, or went wrong."""
        return self._future.done()

    # ---- For the queue

    def settle(self, work: Callable[[], T]) -> None:
        """Do it."""
        try:
            self._future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the result is read
            self._future.set_exception(error)


class Work:
    """One request."""

    def __init__(self, do: Callable[[], None]) -> None:
        self._do = do

    def carry_out(self, queue: WorkQueue) -> None:
        """Do it, and settle what waits for it. Never raises."""
        self._do()


class WorkQueue:
    """Takes requests from any thread, and does one after the other."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Work] = deque()
        self._thread: threading.Thread | None = None

    def submit(self, work: Callable[[], T]) -> APIFuture[T]:
        """Put it behind all that was asked for before."""
        future: APIFuture[T] = APIFuture(self)
        self.put(Work(lambda: future.settle(work)))
        return future

    def put(self, work: Work) -> None:
        with self._changed:
            self._waiting.append(work)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="step-by-step training", daemon=True)
                self._thread.start()

    @property
    def is_here(self) -> bool:
        """Whether this is the thread that does the work."""
        return threading.current_thread() is self._thread

    def next_if(self, fits: Callable[[Work], bool]) -> Work | None:
        """The next request, if it fits beside the one that is being done."""
        with self._changed:
            return self._waiting.popleft() if self._waiting and fits(self._waiting[0]) else None

    def drain(self) -> None:
        """Wait until all is done that was asked for."""
        if self.is_here:
            return
        with self._changed:
            self._changed.wait_for(lambda: self._thread is None)

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._thread = None
                    self._changed.notify_all()
                    return
                work = self._waiting.popleft()
            work.carry_out(self)
