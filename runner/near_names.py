"""Did you mean: the nearest of the words that there are, and whether only one can have been meant.

Capital letters and blanks around a word count for nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, words: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The word that was probably meant; ``cutoff``, 0 to 1, is how alike it has to be (:mod:`difflib`)."""
    near = _near(word, words, cutoff)
    return near[0] if near else None


def hint(word: str, words: Iterable[str], otherwise: str, cutoff: float = 0.6) -> str:
    """The question whether the nearest word was meant, or ``otherwise`` where none is near."""
    near = nearest(word, words, cutoff)
    return otherwise if near is None else f"did you mean {near!r}?"


def unmistakable(word: str, words: Iterable[str]) -> bool:
    """Whether one word, and no other, can have been meant: near enough to be put in its place unasked."""
    near = _near(word, words, 0.7)
    return len(near) == 1 or (len(near) > 1 and _folded(near[0]) == _folded(word))


def _near(word: str, words: Iterable[str], cutoff: float) -> list[str]:
    """At most three words, the nearest first; of words that differ by case alone the last."""
    by_folded = {_folded(other): other for other in words}
    return [by_folded[match] for match in difflib.get_close_matches(_folded(word)[:128], by_folded, 3, cutoff)]


def _folded(word: str) -> str:
    return word.strip().casefold()
