"""``journal.jsonl``: what became of a pipeline's steps, a line each time; lines are added and never changed."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from runner.runs.event_hold import Hold
from runner.store.files import cannot_write, ends_torn

NAME = "journal.jsonl"


class Journal:
    """The journal of one pipeline. A line is on the disk before the next thing is done."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def add(self, event: str, **facts: Any) -> None:
        """Add a line. Raises :class:`~runner.errors.EnvironmentProblem` where the disk is full."""
        line = json.dumps({"event": event, "t": round(time.time(), 3), **facts}, ensure_ascii=False).encode() + b"\n"
        try:
            with self.path.open("ab") as file:
                if ends_torn(self.path):
                    file.write(b"\n")
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise cannot_write(self.path, error) from error
        if (hold := Hold.asked()) is not None:
            hold.reached(f"{event}-{facts['step']}" if "step" in facts else event)

    def lines(self) -> list[dict[str, Any]]:
        """Every whole line, oldest first. One that a crash cut off is passed over."""
        found = []
        try:
            text = self.path.read_bytes()
        except OSError:
            return []
        for line in text.split(b"\n"):
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict) and "event" in value:
                found.append(value)
        return found
