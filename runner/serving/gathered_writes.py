"""What one turn of the event loop writes to a connection, sent at once.

A response's head, its first events, and its last ones with its end are each written by themselves; to send each by
itself costs a call into the system and, on the other side, a read.
"""

from __future__ import annotations

import asyncio
from typing import Any

#: Bytes that are not held back: the transport says itself when its reader is slow.
AT_ONCE = 64 * 1024


class GatheredWrites:
    """A transport whose writes of one turn of the loop go out together; in all else it is the transport itself."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held = bytearray()
        self._due: asyncio.Handle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send it, with what else is written before the loop goes on."""
        self._held += data
        if len(self._held) > AT_ONCE:
            self.flush()
        elif self._due is None and self._held:
            self._due = self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send what is held."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._held:
            # What is handed over is the transport's own from here on.
            held, self._held = self._held, bytearray()
            self._transport.write(held)

    def close(self) -> None:
        """Send what is held, and then close."""
        self.flush()
        self._transport.close()
