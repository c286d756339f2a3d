"""Server-sent events of an endpoint that may lie: bounded in their lines and in all."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

#: Bytes of one line, and of a whole answer.
LONGEST_LINE, MOST_BYTES = 4 * 1024 * 1024, 64 * 1024 * 1024


class Endless(Exception):
    """A line, or an answer, beyond any sane size."""


async def events(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The ``data`` of each event, as the bytes of one line: OpenAI's wire has no event of several.

    Raises :class:`Endless`. Comments, names of events and blank lines are passed over.
    """
    rest, total = b"", 0
    async for chunk in chunks:
        total += len(chunk)
        if total > MOST_BYTES:
            raise Endless("an answer of more than 64 MiB")
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            data = _data(line)
            if data is not None:
                yield data
        if len(rest) > LONGEST_LINE:
            raise Endless("a line of more than 4 MiB")
    data = _data(rest)
    if data is not None:
        yield data


def _data(line: bytes) -> bytes | None:
    if not line.startswith(b"data:"):
        return None
    return line[5:].strip() or None
