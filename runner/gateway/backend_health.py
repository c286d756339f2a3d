"""Which backends fail: one that failed several times in a row is asked last for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: Failures in a row after which a backend rests, the seconds of its first rest, and of the longest.
IN_A_ROW, REST, LONGEST_REST = 3, 5.0, 60.0


@dataclass
class _State:
    failures: int = 0
    until: float = 0.0


class Wellness:
    """Counts failures in a row. A backend that rests is still asked where nobody else answers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._states: dict[str, _State] = {}

    def rests(self, llm: str) -> bool:
        state = self._states.get(llm)
        return state is not None and self._clock() < state.until

    def well(self, llm: str) -> None:
        self._states.pop(llm, None)

    def failed(self, llm: str) -> None:
        state = self._states.setdefault(llm, _State())
        state.failures += 1
        if state.failures >= IN_A_ROW:
            longer = min(state.failures - IN_A_ROW, 6)
            state.until = self._clock() + min(LONGEST_REST, REST * 2**longer)

    def order(self, llms: Sequence[str]) -> list[str]:
        """The same LLMs, those that rest behind the others."""
        return sorted(llms, key=self.rests)
