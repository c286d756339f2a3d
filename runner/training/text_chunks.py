"""Texts in lists that a tokenizer is given at a time: so many of them, and no more than so many characters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def chunks(texts: Iterable[tuple[str, ...]], rows: int, characters: int) -> Iterator[list[tuple[str, ...]]]:
    """The rows' texts in lists of at most ``rows``, and of at most ``characters`` where that is more than one row."""
    some: list[tuple[str, ...]] = []
    length = 0
    for each in texts:
        own = sum(map(len, each))
        if some and (len(some) == rows or length + own > characters):
            yield some
            some, length = [], 0
        some.append(each)
        length += own
    if some:
        yield some
