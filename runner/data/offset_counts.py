"""Places in a text that were counted by something else than its characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def other_counts(text: str) -> Iterator[tuple[str, list[int]]]:
    """What a place may count, the likeliest first, with what each character of the text adds to it.

    ``utf16_units`` are what browsers count, ``bytes`` those of UTF-8. Of ``line_ends`` one with two characters was
    counted as one, or one as two. Nothing is given for a text of which all counts are alike.
    """
    if not text.isascii():
        yield "utf16_units", [len(mark.encode("utf-16-le", "surrogatepass")) // 2 for mark in text]
        yield "bytes", [len(mark.encode("utf-8", "surrogatepass")) for mark in text]
    if "\n" in text or "\r" in text:
        yield "line_ends", [1 + (mark == "\n") for mark in text]
        pairs = [mark == "\r" and text[at + 1 : at + 2] == "\n" for at, mark in enumerate(text)]
        yield "line_ends", [0 if pair else 1 for pair in pairs]


def places(sizes: Sequence[int]) -> dict[int, int]:
    """The number of the character in front of which characters of these sizes sum up to a place, by that place.

    The middle of a character is no place; behind the last one is.
    """
    found: dict[int, int] = {}
    total = 0
    for at, size in enumerate(sizes):
        if size:
            found[total] = at
        total += size
    found[total] = len(sizes)
    return found
