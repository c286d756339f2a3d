"""JSON objects that have each key once: what is said twice in one is told, where ``json`` takes the last."""

from __future__ import annotations

import json
from typing import Any

#: Characters of a text for which counting colons costs less than a call for each object.
SHORT = 256
PLAIN = json.JSONDecoder()


class ObjectReader:
    """A decoder, and the key that one of the objects it read last has twice."""

    def __init__(self) -> None:
        self._twice: str | None = None
        # One decoder for all rows: ``json.loads`` makes a new one for each where it is given a hook.
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object)

    def read(self, text: str) -> tuple[Any, str | None]:
        """The text's value, and why it cannot be used: a key twice. Raises what ``json.loads`` does."""
        if len(text) < SHORT:
            value = PLAIN.decode(text)
            # Each key has a colon after it: with as many of both, none is there twice.
            if isinstance(value, dict) and text.count(":") == len(value):
                return value, None
        self._twice = None
        return self._decoder.decode(text), self._fault()

    def read_at(self, text: str, start: int) -> tuple[Any, int, str | None]:
        """The same of the value that begins at a place, and where it ends."""
        self._twice = None
        value, end = self._decoder.raw_decode(text, start)
        return value, end, self._fault()

    def _fault(self) -> str | None:
        return None if self._twice is None else f"the key {self._twice!r:.80} twice"

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            self._twice = next(name for name in found if names.count(name) > 1)
        return found
