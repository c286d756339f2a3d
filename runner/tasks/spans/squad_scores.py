"""How near an answer is to those that are known: exact match and F1 as SQuAD measures them.

Rajpurkar et al., SQuAD (2016) and Know What You Don't Know (2018); the normalisation is that of their script.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normal(text: str) -> str:
    """The text in lower case without punctuation, English articles and blanks beyond one."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def scores(said: str, answers: Sequence[str]) -> tuple[float, float]:
    """Exact match and F1, 0 to 1, of the nearest of the answers; without answers 1 for an empty text, else 0."""
    # An answer such as "A" or "!" is nothing but what is taken away: then it is compared as it stands.
    known = [(answer, normal(answer)) for answer in answers]
    own = normal(said)
    if not known:
        return (float(not said.strip()),) * 2
    found = [
        (float(own == plain), _f1(own, plain)) if plain else (float(said.strip() == answer.strip()),) * 2
        for answer, plain in known
    ]
    return max(exact for exact, _ in found), max(f1 for _, f1 in found)


def score_all(said: Sequence[str], answers: Sequence[Sequence[str]]) -> np.ndarray:
    """F1 and exact match of every question: float64 ``[n, 2]``."""
    found = [scores(text, known)[::-1] for text, known in zip(said, answers, strict=True)]
    return np.array(found, np.float64).reshape(-1, 2)


def _f1(said: str, answer: str) -> float:
    one, other = said.split(), answer.split()
    same = sum((Counter(one) & Counter(other)).values())
    return 2 * same / (len(one) + len(other)) if same else 0.0
