"""What is odd about tags and would be learned without a word: types by two spellings, no entity at all, lone tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from runner import near_names
from runner.data.tagged_tokens.tagged_row import BEGIN, TaggedRow

#: A type with at most so many entities may be a misspelling of one with so many times more.
RARE, TIMES = 2, 5


def types_by_count(rows: Iterable[TaggedRow]) -> dict[str, int]:
    """How many entities there are of each type, the most frequent first."""
    counts = Counter(tag.removeprefix(BEGIN) for row in rows for tag in row.tags if tag.startswith(BEGIN))
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def oddities(rows: Sequence[TaggedRow], scheme: str, forms: Mapping[str, int]) -> list[str]:
    """Sentences about all rows."""
    found = []
    counts = types_by_count(rows)
    folded: dict[str, list[str]] = {}
    for name in counts:
        folded.setdefault(name.casefold(), []).append(name)
    for names in folded.values():
        if len(names) > 1:
            shown = ", ".join(f"{name!r} ({counts[name]:,})" for name in names)
            found.append(f"types differ by capital letters alone, and are learned apart: {shown}")
    for name, count in counts.items():
        frequent = [other for other in counts if counts[other] >= TIMES * count and other.casefold() != name.casefold()]
        near = near_names.nearest(name, frequent, 0.6) if count <= RARE and len(name) > 2 else None
        if near:
            own = "1 entity" if count == 1 else f"{count} entities"
            found.append(
                f"the type {name!r} has {own}, and {near!r} has {counts[near]:,}: if it is misspelt, mend its tags"
            )
    if scheme == "plain" and counts:
        found.append("tags have no prefixes: equal ones side by side are read as one entity")
    if forms.get("words", 0) == len(rows) and len(rows) > 2 and all(len(row.tokens) == 1 for row in rows):
        found.append("every row has one token: if rows are the tokens of longer texts, put those of a text in one row")
    return found
