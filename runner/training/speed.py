"""How fast a training loop learns, and what memory it takes: what whoever follows a run wants to know of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from runner.training.peak_memory import peak_memory


class Speed:
    """The tokens learned from since the last telling, and the seconds that it took without measurements."""

    def __init__(self, device: str) -> None:
        self._cuda = device.startswith("cuda")
        self._tokens, self._seconds = 0, 0.0
        self._since: float | None = time.monotonic()

    def add(self, counts: dict[str, Any], tokens: int, trained: int) -> None:
        """Count a step's tokens, and those of them that the loss is of, in the loop's state, which outlives a stop."""
        self._tokens += tokens
        counts["tokens"] = counts.get("tokens", 0) + tokens
        counts["trained_tokens"] = counts.get("trained_tokens", 0) + trained

    def pause(self) -> None:
        """What comes now is not learning."""
        if self._since is not None:
            self._seconds += time.monotonic() - self._since
            self._since = None

    def go_on(self) -> None:
        """Learning begins again."""
        self._since = time.monotonic()

    def told(self, counts: Mapping[str, Any]) -> Mapping[str, Any]:
        """Fields of an event: tokens so far, and ``pace``, whose rate is of the time since the last one."""
        if "tokens" not in counts:
            return {}
        learning = self._since is not None
        self.pause()
        pace: dict[str, float] = {"peak_memory": self._peak_memory()}
        if self._seconds > 0 and self._tokens:
            pace["tokens_per_second"] = round(self._tokens / self._seconds, 1)
        self._tokens, self._seconds = 0, 0.0
        if learning:
            self.go_on()
        return {"tokens": counts["tokens"], "trained_tokens": counts["trained_tokens"], "pace": pace}

    def _peak_memory(self) -> int:
        """Bytes: the device's where there is one, else the process's."""
        if self._cuda:
            import torch

            return int(torch.cuda.max_memory_allocated())
        return peak_memory()
