"""The 44 features that say how much of something a prompt has: numbers of marks and words over its length.

What is counted is counted in the first :data:`~.features.SEARCHED` characters, and divided by the length of that part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from runner.builders.routing._fields.feature_list import DENSITIES
from runner.builders.routing._prompts.density_words import DENSITY_WORDS
from runner.builders.routing._prompts.feature_words import IMPERATIVE
from runner.builders.routing._prompts.features import SEARCHED, has_formula, is_question, opening_word, words_in

NAMES = tuple(feature.name for feature in DENSITIES)
#: Those whose distinct words are divided by the prompt's words; of the others with words, one is enough.
_OVER_WORDS = frozenset(feature.name for feature in DENSITIES if feature.numeric)

# No expression below can look at a character more than a few times: each repetition is bounded or stands alone.
_SENTENCE_END = re.compile(r"[.!?。！？](?=\s|$)|\n(?=\S)")
_CODE = re.compile("```|`[^`\n]{1,200}`|#include|\\(\\);|</|console\\.log|print\\(|;\n|^def |^import ", re.MULTILINE)
_SIGNS = re.compile(r"[=+*/^<>×÷±√∑∏∫∞≤≥≠≈π]|\\(?:frac|int|sum|sqrt)\b")
_ITEM = re.compile(r"^ {0,8}(?:[-*•]|\d{1,3}[.)]|[a-z][.)]) ", re.MULTILINE)
_LISTED = re.compile(r" (?:top|give me|list|name) (?:\d+|three|four|five|six|seven|eight|ten) ")
_LONG = re.compile(r" (?:[3-9]\d\d|\d{4,6}) words ")


class Lexicon:
    """Words and phrases, and how many of them a text has."""

    def __init__(self, listed: str) -> None:
        entries = listed.split()
        self._words = frozenset(entry for entry in entries if "_" not in entry)
        self._phrases = {f" {' '.join(parts)} ": parts for entry in entries if len(parts := entry.split("_")) > 1}

    def count(self, distinct: set[str], pairs: set[tuple[str, str]], spaced: str) -> int:
        """Distinct ones that are there: ``distinct`` are a text's words, ``pairs`` its neighbours, ``spaced`` all."""
        found = len(self._words & distinct)
        for phrase, parts in self._phrases.items():
            if (parts[0], parts[1]) in pairs and (len(parts) == 2 or phrase in spaced):
                found += 1
        return found


_LEXICONS = {name: Lexicon(listed) for name, listed in DENSITY_WORDS.items()}


def densities(prompts: Sequence[str], histories: Sequence[Sequence[str]]) -> np.ndarray:
    """The raw features, float32 ``[len(prompts), 44]``, columns as in ``NAMES``; every value is finite and at least 0.

    ``histories`` has each prompt's earlier turns, oldest first.
    """
    table = np.zeros((len(prompts), len(NAMES)), np.float32)
    for row, (prompt, history) in enumerate(zip(prompts, histories, strict=True)):
        values = _of(prompt, history)
        table[row] = [values[name] for name in NAMES]
    return table


def _of(prompt: str, history: Sequence[str]) -> dict[str, float]:
    text = prompt[:SEARCHED]
    tokens = words_in(text)
    distinct, pairs, spaced = set(tokens), set(pairwise(tokens)), f" {' '.join(tokens)} "
    characters, words = max(1, len(text)), max(1, len(tokens))
    # What lies beyond the part that is searched is as the part is.
    scale = len(prompt) / characters
    found = {name: lexicon.count(distinct, pairs, spaced) for name, lexicon in _LEXICONS.items()}
    found["Multi-part request density"] += len(_ITEM.findall(text))
    found["Specificity density"] += sum(token.isdigit() for token in distinct)
    values: dict[str, float] = {
        name: count / words if name in _OVER_WORDS else float(count > 0) for name, count in found.items()
    }
    opening = opening_word(tokens)
    values |= {
        "Character count": len(prompt),
        "Word count": len(tokens) * scale,
        "Sentence count": max(1, len(_SENTENCE_END.findall(text))) * max(1.0, scale) if tokens else 0,
        "ITT ratio": 1 - len(distinct) / words if tokens else 0,
        "Average word length": sum(map(len, tokens)) / words,
        "Question density": (text.count("?") + text.count("？")) / characters,
        "Nesting depth": sum(map(text.count, "([{")) / characters,
        "Starts with verb": opening in IMPERATIVE,
        "Is question": is_question(text, opening),
        "Conversation turn count": len(history),
        "Total context length": sum(map(len, history)),
        "Is follow-up": len(history) > 0,
    }
    for name, has in _SHAPES.items():
        values[name] = max(values.get(name, 0.0), has(text, spaced))
    return values


#: What a look at the text sets beside its words.
_SHAPES: dict[str, Callable[[str, str], bool]] = {
    "Has code block": lambda text, spaced: _CODE.search(text) is not None,
    "Has math": lambda text, spaced: has_formula(text),
    "Has numbers": lambda text, spaced: re.search(r"\d", text) is not None,
    "Has math symbols": lambda text, spaced: _SIGNS.search(text) is not None,
    "Expects list": lambda text, spaced: _LISTED.search(spaced) is not None,
    "Expects long response": lambda text, spaced: _LONG.search(spaced) is not None,
}
