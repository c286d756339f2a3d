"""A row of tokens as a person reads it: its text, and what of it is learned."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple


class Piece(NamedTuple):
    """Text whose tokens all count the same."""

    text: str
    weight: float


def pieces(tokenizer: Any, ids: Sequence[int], weights: Sequence[float]) -> list[Piece]:
    """The row from its first token to its last, special tokens with it."""
    found = []
    for weight, run in groupby(zip(ids, weights, strict=True), key=lambda pair: pair[1]):
        tokens = [token for token, _ in run]
        text = tokenizer.decode(tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        found.append(Piece(text, weight))
    return found


def marked(row: Sequence[Piece], *, colour: bool) -> str:
    """The row, what is learned of it in green, or in brackets without colour; a weight that is not 1 is named."""
    text = ""
    for piece in row:
        if not piece.weight:
            text += piece.text
            continue
        weight = "" if piece.weight == 1 else f"{piece.weight:g}: "
        # A colour ends with its line: a pager shows lines apart.
        lines = [f"\x1b[32m{line}\x1b[0m" if line else "" for line in piece.text.split("\n")]
        text += f"\x1b[2m{weight}\x1b[0m" * bool(weight) + "\n".join(lines) if colour else f"⟦{weight}{piece.text}⟧"
    return text
