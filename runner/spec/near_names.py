"""Did you mean: the nearest of the words that there are, and whether only one can have been meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The word that was probably meant."""
    near = _near(word, words, 0.6)
    return near[0] if near else None


def unmistakable(word: str, words: Iterable[str]) -> bool:
    """Whether one word, and no other, can have been meant: near enough to be put in its place unasked."""
    near = _near(word, words, 0.7)
    return len(near) == 1 or (len(near) > 1 and near[0].lower() == word.lower() != near[1].lower())


def _near(word: str, words: Iterable[str], cutoff: float) -> list[str]:

    by_folded = {other.lower(): other for other in words}
    return [by_folded[match] for match in difflib.get_close_matches(word.lower()[:128], by_folded, 3, cutoff)]
