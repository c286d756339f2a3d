"""Those who listen to a run. One who fails is dropped: the run goes on, and the others hear of it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from typing import Protocol

from runner.runs.event_kinds import Event, WarningEvent


class Listener(Protocol):
    """Somebody who wants to know what happens in a run while it happens."""

    def handle(self, event: Event) -> None: ...


class Audience:
    """Passes events on. ``record`` gets the traceback of a listener that failed, for the run's log."""

    def __init__(self, listeners: Sequence[Listener], record: Callable[[str], None]) -> None:
        self._listeners = list(listeners)
        self._record = record

    def handle(self, event: Event) -> None:
        """Tell everybody. Never raises."""
        for listener in tuple(self._listeners):
            try:
                listener.handle(event)
            except Exception as error:  # noqa: BLE001 - whatever a listener raises, the run is not its business
                self._drop(listener, error)

    def close(self, code: int) -> None:
        """Tell those who have an end (``close(code)``) how the run ended. Never raises."""
        for listener in tuple(self._listeners):
            try:
                if (close := getattr(listener, "close", None)) is not None:
                    close(code)
            except Exception as error:  # noqa: BLE001 - as above
                self._drop(listener, error)

    def _drop(self, listener: Listener, error: Exception) -> None:
        self._listeners.remove(listener)
        self._record("".join(traceback.format_exception(error)))
        message = f"{type(listener).__name__} failed and hears no more of this run: {type(error).__name__}: {error}"
        self.handle(WarningEvent(t=time.time(), message=message))
