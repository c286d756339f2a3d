"""Texts in lists that a tokenizer is given at a time: so many of them, and no more than so many characters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

Row = TypeVar("Row")
#: As many rows, and as many characters of them, as are usually given to a tokenizer at a time: a token takes it some
#: hundred bytes.
TEXTS, CHARACTERS = 1024, 2**18


def length_of(texts: Any) -> int:
    """The characters of a row's texts."""
    return sum(map(len, texts))


def chunks(
    texts: Iterable[Row], rows: int, characters: int, measure: Callable[[Row], int] = length_of
) -> Iterator[list[Row]]:
    """The rows' texts in lists of at most ``rows``, and of at most ``characters`` where that is more than one row."""
    some: list[Row] = []
    length = 0
    for each in texts:
        own = measure(each)
        if some and (len(some) == rows or length + own > characters):
            yield some
            some, length = [], 0
        some.append(each)
        length += own
    if some:
        yield some
