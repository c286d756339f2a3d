"""Server-sent events of an endpoint that may lie: bounded in their lines and in all."""

from __future__ import annotations

#: Bytes of one line, and of a whole answer.
LONGEST_LINE, MOST_BYTES = 4 * 1024 * 1024, 64 * 1024 * 1024


class Endless(Exception):
    """A line, or an answer, beyond any sane size."""


class EventLines:
    """The ``data`` of events, as the bytes of one line each: OpenAI's wire has no event of several.

    Comments, names of events and blank lines are passed over.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._total = 0

    def take(self, chunk: bytes) -> list[bytes]:
        """What ended with this chunk. Raises :class:`Endless`."""
        self._total += len(chunk)
        if self._total > MOST_BYTES:
            raise Endless("an answer of more than 64 MiB")
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise Endless("a line of more than 4 MiB")
        return [data for line in lines if (data := _data(line))]

    def rest(self) -> list[bytes]:
        """What stands behind the last end of a line, once nothing more comes."""
        data = _data(self._rest)
        return [data] if data else []


class WholeBody:
    """The same of an endpoint that does not stream: one document, once all of it is there."""

    def __init__(self) -> None:
        self._body = bytearray()

    def take(self, chunk: bytes) -> list[bytes]:
        """Nothing yet. Raises :class:`Endless`."""
        self._body += chunk
        if len(self._body) > MOST_BYTES:
            raise Endless("an answer of more than 64 MiB")
        return []

    def rest(self) -> list[bytes]:
        """The document."""
        return [bytes(self._body)]


def _data(line: bytes) -> bytes:
    return line[5:].strip() if line.startswith(b"data:") else b""
