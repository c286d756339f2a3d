"""The log of requests: JSON Lines, written behind the answers' backs, so that no request waits for a disk or is lost
with one. What cannot be written is counted.

A line never has a key, an address of anybody, or a header in it; texts only where that was asked for, and then
redacted.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from runner.data.prompt_rows import Row
from runner.gateway.redaction import redacted
from runner.store.files import cannot_write, ends_torn

VERSION = 1
#: Lines that wait to be written, and characters of a text that are kept.
WAITING, LONGEST = 4000, 32_000
#: Seconds for which lines are gathered before they are written: a thread that is woken for each would take the
#: interpreter from the requests.
GATHERED = 0.05


class RequestLog:
    """Appends to a file that only its owner reads."""

    def __init__(
        self, path: Path, *, texts: bool, keys: Iterable[str] = (), lost: Callable[[int], None] = lambda count: None
    ) -> None:
        """Raises :class:`~runner.errors.EnvironmentProblem` for a file that cannot be written to now."""
        self.path, self.texts = path, texts
        self._keys, self._lost = tuple(keys), lost
        #: Conversations are known in the log by a name that nobody can find them by.
        self._salt = secrets.token_bytes(16)
        self._waiting: deque[dict[str, Any]] = deque()
        self._some, self._end = threading.Event(), threading.Event()
        self._closed = False
        try:
            self._torn = ends_torn(path)
            self._file = self._open()
        except OSError as error:
            raise cannot_write(path, error) from error
        self._thread = threading.Thread(target=self._write_all, name="request-log", daemon=True)
        self._thread.start()

    def write(self, line: Mapping[str, Any]) -> None:
        """Add a line, a moment later. Never raises, never waits."""
        if len(self._waiting) >= WAITING:
            self._lost(1)
            return
        self._waiting.append({"v": VERSION, "at": datetime.now(UTC).isoformat(timespec="milliseconds")} | dict(line))
        if not self._some.is_set():
            self._some.set()

    def session(self, key: str) -> str:
        """A conversation's name in the log."""
        return blake2b(key.encode("utf-8", "replace"), key=self._salt, digest_size=8).hexdigest()

    def words(self, row: Row, response: str) -> dict[str, Any]:
        """What was asked and answered, as far as it may be kept."""
        if not self.texts:
            return {}
        history = {"history": [text[:LONGEST] for text in row.history]} if row.history else {}
        return {"texts": {"prompt": row.prompt[:LONGEST], "response": response[:LONGEST]} | history}

    def close(self) -> None:
        """Write what waits, and end. Called again, nothing."""
        if self._closed:
            return
        self._closed = True
        self._end.set()
        self._some.set()
        self._thread.join(10)
        os.close(self._file)

    def _line(self, stamped: dict[str, Any]) -> bytes:
        """A line as it is written: its texts redacted."""
        texts = stamped.get("texts")
        if texts:
            stamped["texts"] = {
                name: [redacted(each, self._keys) for each in text] if isinstance(text, list)
                else redacted(text, self._keys)
                for name, text in texts.items()
            }  # fmt: skip
        return json.dumps(stamped, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _write_all(self) -> None:
        over = False
        while not over:
            self._some.wait()
            over = self._end.wait(GATHERED)
            # Cleared first: a line that comes from here on sets it again.
            self._some.clear()
            while self._waiting:
                self._append(self._line(self._waiting.popleft()))

    def _append(self, line: bytes) -> None:
        # Behind half a line the next one begins anew.
        whole = b"\n" + line if self._torn else line
        try:
            written = os.write(self._file, whole)
        except OSError:
            self._lost(1)
            return
        self._torn = written < len(whole)
        if self._torn:
            self._lost(1)
