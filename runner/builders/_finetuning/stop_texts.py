"""Texts that end an answer: they are no part of it, nor is what is behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def cut_at(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """The text before the first of the stop texts in it, and whether there was one."""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return (text[: min(places)], True) if places else (text, False)


def begun(text: str, stops: Sequence[str]) -> int:
    """How many letters at the end of a text may be the beginning of a stop text."""
    return max((length for stop in stops for length in range(1, len(stop)) if text.endswith(stop[:length])), default=0)


def end_at(line: Any, tokenizer: Any) -> None:
    """Have a line end whose text has a stop text in it. It is called with every token that the line has more."""
    if not line.stops or line.done:
        return
    # A stop text may begin within a token, of which a character may be the half.
    behind = 8 + max(len(stop.encode()) for stop in line.stops)
    text = tokenizer.decode(line.made[-behind:], skip_special_tokens=False)
    if any(stop in text for stop in line.stops):
        line.ended = line.done = True
