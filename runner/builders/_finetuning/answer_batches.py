"""Which rows are answered together: the longest prompts first, as many at a time as there is room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from runner.errors import DataError

#: Tokens that a batch may have in the end, prompts and answers together.
TOKENS = 65_536


def checked_prompts(rows: Sequence[Any], checked_ids: Callable[[Any], list[int]]) -> list[list[int]]:
    """Every row's prompt as token ids. Raises :class:`DataError` with the number of the row that ``checked_ids``
    refuses."""
    prompts = []
    for at, row in enumerate(rows):
        try:
            prompts.append(checked_ids(row))
        except DataError as error:
            raise DataError(f"row {at + 1}: {error.message}", where=error.where, hint=error.hint) from None
    return prompts


def longest_first(prompts: Sequence[Sequence[int]]) -> list[int]:
    """The numbers of the prompts in the order in which they are answered."""
    return sorted(range(len(prompts)), key=lambda at: len(prompts[at]), reverse=True)


def size_of_next(
    prompts: Sequence[Sequence[int]], order: Sequence[int], options: Any, *, at_most: int, longest: int
) -> int:
    """How many of the rows that are left, ``order``, are answered together: ``at_most``, as ``TOKENS`` allows.

    ``longest`` is how many tokens the model has positions for.
    """
    first = len(prompts[order[0]])
    length = first + options.max_new_tokens
    size = max(1, min(at_most, TOKENS // (length * max(options.n, options.num_beams))))
    if length > longest:
        # What room the model has left is that of its longest row: a shorter one beside it would be cut early.
        size = min(size, sum(len(prompts[at]) == first for at in order))
    return size
