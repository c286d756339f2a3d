"""How often a run of short epochs saves its point: enough to lose little, not so often that saving is the work."""

from __future__ import annotations

import time
from collections.abc import Callable


def at_most_every(seconds: float) -> Callable[[], bool]:
    """A question that answers yes at first, and then once ``seconds`` have passed since it last did."""
    last: float | None = None

    def due() -> bool:
        nonlocal last
        now = time.monotonic()
        if last is not None and now - last < seconds:
            return False
        last = now
        return True

    return due
