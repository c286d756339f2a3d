"""``events.jsonl``: what happened in a run, one JSON object a line, only ever appended to."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.runs.event_kinds import Event, read_event
from runner.store.typed_documents import JsonObject

NAME = "events.jsonl"


class EventWriter:
    """Appends events. One line is one ``write``, so a reader never sees two lines mixed."""

    def __init__(self, run: Path) -> None:
        self._descriptor = os.open(run / NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def emit(self, event: str, **fields: Any) -> Event:
        """Append one event, stamped with the time, and return it."""
        record = {"t": round(time.time(), 3), "event": event} | finite(fields)
        line = json.dumps(record, ensure_ascii=False, allow_nan=False, default=str)
        os.write(self._descriptor, line.encode() + b"\n")
        return read_event(record)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._descriptor)


class EventReader:
    """Reads what was appended since the last look. A line that is still being written is left for the next."""

    def __init__(self, run: Path, *, from_end: bool = False) -> None:
        self._path = run / NAME
        self._offset = self._path.stat().st_size if from_end and self._path.exists() else 0

    def new(self) -> Iterator[Event]:
        """The events that came since the last call."""
        return map(read_event, self.documents())

    def documents(self) -> Iterator[JsonObject]:
        """The same, as they were written."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                # A machine that lost its power can leave a torn line in the middle of the file; the rest still counts.
                continue
            if isinstance(event, dict):
                yield event


def finite(value: Any) -> Any:
    """NaN and infinity have no JSON: they become None, as in every document that we write."""
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return finite(value.item())
    return value
