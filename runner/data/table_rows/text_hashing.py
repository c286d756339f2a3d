"""A text as counts of its words, hashed into a few columns (Weinberger et al., 2009)."""

from __future__ import annotations

import re

import numpy as np

from runner.data.holdout import text_key
from runner.data.table_rows.values import Words


def hashed_words(words: Words, size: int) -> np.ndarray:
    """float32 ``[n, size]``: log(1 + count) of the words that fall into each column; NaN all along a missing text."""
    table = np.zeros((len(words.words) + 1, size), np.float32)
    table[-1] = np.nan
    places: dict[str, int] = {}
    for at, text in enumerate(words.words):
        for word in re.findall(r"\w+", text.casefold()):
            place = places.get(word)
            if place is None:
                place = places[word] = text_key(word) % size
            table[at, place] += 1
    np.log1p(table[:-1], out=table[:-1])
    return table[words.codes]
