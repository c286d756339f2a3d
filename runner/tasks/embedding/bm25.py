"""BM25, the words that two texts share (Robertson and Zaragoza, 2009): what a search without a model finds."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

K1, B = 1.2, 0.75
_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """A text's words, in lower case."""
    return _WORD.findall(text.lower())


class Bm25:
    """Texts that can be searched by words."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.count = len(texts)
        self._places: dict[str, list[tuple[int, int]]] = {}
        lengths = np.zeros(self.count)
        for at, text in enumerate(texts):
            found = Counter(words(text))
            lengths[at] = sum(found.values())
            for word, times in found.items():
                self._places.setdefault(word, []).append((at, times))
        self._norm = K1 * (1 - B + B * lengths / max(float(lengths.mean()), 1e-9)) if self.count else lengths

    def scores(self, query: str) -> np.ndarray:
        """How well each text answers, float64 ``[count]``."""
        found = np.zeros(self.count)
        for word, asked in Counter(words(query)).items():
            places = self._places.get(word)
            if not places:
                continue
            rarity = math.log(1 + (self.count - len(places) + 0.5) / (len(places) + 0.5))
            at, times = np.array(places).T
            found[at] += asked * rarity * times * (K1 + 1) / (times + self._norm[at])
        return found

    def first(self, query: str, count: int) -> np.ndarray:
        """The places of the best texts, the best first; of equal ones the earlier."""
        return np.argsort(-self.scores(query), kind="stable")[:count]
