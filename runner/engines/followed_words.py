"""What a run's attempts said, read from its directory by offset: while it runs, after, and when the cluster is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner.engines.run_root import RunRoot, attempt_folder
from runner.store.typed_documents import TypedDocument


@dataclass(frozen=True, kw_only=True)
class Place(TypedDocument):
    """How far somebody has read: whole attempts before ``attempt``, and ``offset`` bytes of that one."""

    attempt: int = 1
    offset: int = 0


def pieces(root: RunRoot, stream: str, place: Place) -> Iterator[tuple[bytes, Place]]:
    """What was said since ``place``, each piece with the place after it. ``stream`` is ``events`` or ``log``.

    A piece is named by the offset that it begins at, so that the next one is asked for by name.
    """
    later: list[int] = []
    while True:
        folder = f"{attempt_folder(place.attempt)}/{stream}"
        data = root.storage.read(f"{folder}/{place.offset:012d}")
        if data:
            place, later = Place(attempt=place.attempt, offset=place.offset + len(data)), []
            yield data, place
        elif later:
            # It was read once more after the next attempt was seen: it says nothing more.
            place, later = Place(attempt=later[0]), []
            yield b"", place
        elif not (later := [number for number in root.numbers("attempts") if number > place.attempt]):
            return
