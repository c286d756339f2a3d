"""What a kind gets of a row: its tokens, their tags in IOB2, and where they stand in the text."""

from __future__ import annotations

import json
from dataclasses import dataclass

from runner.data.holdout import text_key

#: The tag of a token that is in no entity, and the prefixes of one that begins an entity and of one that goes on.
OUTSIDE, BEGIN, INSIDE = "O", "B-", "I-"


@dataclass(frozen=True, slots=True)
class TaggedRow:
    """``line`` is its line (text files) or number, from 1; ``spans`` are where each token stands in ``text``."""

    line: int
    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    text: str
    spans: tuple[tuple[int, int], ...]
    id: str | int | None = None

    @property
    def content_key(self) -> int:
        """A number of 64 bits for all that it says."""
        return text_key(json.dumps([self.tokens, self.tags], ensure_ascii=False))

    @property
    def tokens_key(self) -> int:
        """The same for its tokens alone: rows that share it are on one side of a split."""
        return text_key(json.dumps(self.tokens, ensure_ascii=False))

    @property
    def types(self) -> set[str]:
        """The types of its entities."""
        return {tag.partition("-")[2] for tag in self.tags if tag != OUTSIDE}


def joined(tokens: tuple[str, ...]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The tokens as a text with a blank between two, and where each stands in it."""
    spans, at = [], 0
    for token in tokens:
        spans.append((at, at + len(token)))
        at += len(token) + 1
    return " ".join(tokens), tuple(spans)


def labels_of(types: tuple[str, ...]) -> tuple[str, ...]:
    """The tags of entity types, in the order of a model's outputs: ``O``, then of each type its ``B-`` and ``I-``."""
    return (OUTSIDE, *(prefix + name for name in types for prefix in (BEGIN, INSIDE)))
