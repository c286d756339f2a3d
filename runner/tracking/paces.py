"""How fast some work goes, and how long the rest of it takes."""

from __future__ import annotations


class Pace:
    """The pace of some work by the events' own clock, and how long the rest takes at that pace."""

    def __init__(self, now: float, done: float) -> None:
        self.start, self.first = now, done
        self.now, self.done = now, done

    def update(self, now: float, done: float) -> None:
        self.now, self.done = now, done

    @property
    def rate(self) -> float | None:
        """Units a second since the first event; None before the second."""
        spent, gained = self.now - self.start, self.done - self.first
        return gained / spent if spent > 0 and gained > 0 else None

    def left(self, total: float) -> float | None:
        """Seconds that the rest takes."""
        return (total - self.done) / self.rate if self.rate else None
