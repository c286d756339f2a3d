"""Rewards that look at an answer alone: its length, its format, a regular expression, what its environment gave."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from runner.builders.language._rewards.judged_answer import JudgedAnswer


class Length:
    """1 at the target, less by the distance from it, 0 from twice the target on."""

    def __init__(self, section: Any) -> None:
        self._section = section

    def values(self, answers: Sequence[JudgedAnswer]) -> list[float]:
        return [self._value(self._length(answer)) for answer in answers]

    def _length(self, answer: JudgedAnswer) -> int:
        if self._section.unit == "tokens":
            return answer.tokens
        return len(answer.text.split()) if self._section.unit == "words" else len(answer.text)

    def _value(self, length: int) -> float:
        target = int(self._section.target)
        if self._section.shape == "at_most" and length <= target:
            return 1.0
        return max(0.0, 1.0 - abs(length - target) / target)


class Format:
    """1 for tags one after the other, with something in each of them and nothing beside them."""

    def __init__(self, section: Any) -> None:
        # What stands in a tag has no tag of that name in it.
        parts = [rf"<{tag}>(?:(?!</?{tag}>).)*?\S(?:(?!</?{tag}>).)*?</{tag}>" for tag in section.tags]
        self._expression = re.compile(r"\s*" + r"\s*".join(parts) + r"\s*", re.DOTALL)

    def values(self, answers: Sequence[JudgedAnswer]) -> list[float]:
        return [float(self._expression.fullmatch(answer.text) is not None) for answer in answers]


class RegularExpression:
    """1 where the expression finds something."""

    def __init__(self, section: Any) -> None:
        expression = re.compile(section.pattern)
        self._find = expression.fullmatch if section.where == "whole" else expression.search

    def values(self, answers: Sequence[JudgedAnswer]) -> list[float]:
        return [float(self._find(answer.text) is not None) for answer in answers]


class GivenByEnvironment:
    """What the environment's partner gave for an answer's turns."""

    def __init__(self, section: Any) -> None:
        self._section = section

    def values(self, answers: Sequence[JudgedAnswer]) -> list[float | None]:
        return [answer.given for answer in answers]
