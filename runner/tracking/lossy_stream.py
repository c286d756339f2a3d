"""A stream to show progress on, which may go away: what it cannot take is dropped."""

from __future__ import annotations

from typing import Any, TextIO


class LossyStream:
    """``stream``, but that a write never raises; once one failed, nothing more is written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lost = False

    def write(self, text: str) -> int:
        """Write, with letters that the encoding lacks as escapes."""
        try:
            if not self._lost:
                try:
                    self._stream.write(text)
                except UnicodeEncodeError as error:
                    self._stream.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
        except (OSError, ValueError):  # ValueError: it was closed
            self._lost = True
        return len(text)

    def flush(self) -> None:
        try:
            if not self._lost:
                self._stream.flush()
        except (OSError, ValueError):
            self._lost = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
