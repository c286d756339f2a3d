"""The special tokens of a tokenizer: those that a template may name, and the one that begins a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def special_tokens(tokenizer: Any) -> dict[str, str]:
    """The tokens that a template may name, by their names."""
    return {key: value for key, value in tokenizer.special_tokens_map.items() if isinstance(value, str)}


def wants_start(tokenizer: Any) -> bool:
    """Whether the tokenizer begins a text with its beginning-of-text token."""
    start = tokenizer.bos_token_id
    return start is not None and tokenizer("a", verbose=False).input_ids[:1] == [start]


def begun(tokenizer: Any, ids: Sequence[int]) -> list[int]:
    """The ids of a text with what the tokenizer begins one with, once: also where the text has it already."""
    if not wants_start(tokenizer):
        return list(ids)
    start = tokenizer.bos_token_id
    first = next((at for at, token in enumerate(ids) if token != start), len(ids))
    return [start, *ids[first:]]
