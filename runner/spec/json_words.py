"""Words of a JSON text outside quotes: numbers and literals, and what people write in their place."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_JSON = {"true": True, "false": False, "null": None}
_PYTHON = {"True": True, "False": False, "None": None}
_NOT_FINITE = {"nan", "inf", "infinity"}


@dataclass(frozen=True)
class Word:
    """What a word reads as; what is wrong with it, if anything, and the text that must have been meant."""

    value: Any
    complaint: str | None = None
    expected: str = "a JSON value"
    meant: str | None = None


def read(word: str) -> Word:
    """A word's value. An integral number is an ``int`` however it is written: so are ``1.0`` and ``1e3``."""
    if word in _JSON:
        return Word(_JSON[word])
    number = _NUMBER.fullmatch(word)
    if number:
        value = float(word)
        if math.isinf(value):
            return Word(0, "the number is too large", "at most 1.8e308")
        if number.group(1) is None and number.group(2) is None:
            return Word(int(word))
        return Word(int(value) if value.is_integer() else value)
    if word in _PYTHON:
        meant = json.dumps(_PYTHON[word])
        return Word(_PYTHON[word], "this is Python, not JSON", meant, meant)
    return Word(None, _complaint(word))


def _complaint(word: str) -> str:
    if word.lstrip("+-").lower() in _NOT_FINITE:
        return "JSON has no NaN and no Infinity"
    if re.fullmatch(r"-?0[0-9][0-9.eE+-]*", word):
        return "a number begins with a zero"
    if re.match(r"[-+.]?[0-9]", word):
        return "this is not a JSON number"
    if word[0] in "\u201c\u201d\u2018\u2019\u00ab\u00bb\u201e":
        return "these are not straight quotes"
    return "this text is not in quotes"
