"""Entities given as spans of characters on a text, turned into tokens with tags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from runner.data.dialogues.cell_values import kind
from runner.data.dialogues.row_faults import RowFault
from runner.data.offset_counts import other_counts, places
from runner.data.tagged_tokens.tagged_row import BEGIN, INSIDE, OUTSIDE

#: A word of a plain text: letters, digits and underscores, or one sign.
WORD = re.compile(r"\w+|[^\w\s]")
STARTS, ENDS = ("start", "start_offset", "begin", "start_char", "from"), ("end", "end_offset", "stop", "end_char", "to")
TYPES = ("label", "type", "entity", "tag", "entity_group", "labels", "entity_type", "category", "class")
#: What is said of spans whose places count something else than characters.
REASONS = {
    "utf16_units": "utf16_offsets_converted",
    "bytes": "byte_offsets_converted",
    "line_ends": "line_end_offsets_converted",
}
#: Keys of the characters that a span is to have.
SURFACES = ("text", "word", "surface", "value", "entity_text")


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``[start, end)`` of a text, and the type of entity that they are."""

    start: int
    end: int
    type: str
    surface: str | None = None


def words_of(text: str, borders: Sequence[int] = ()) -> tuple[tuple[int, int], ...]:
    """Where the words of a plain text stand. A word is cut at the places in ``borders``, such as the ends of spans."""
    found, cuts = [], sorted(set(borders))
    for match in WORD.finditer(text):
        inner = [at for at in cuts if match.start() < at < match.end()]
        found += list(pairwise([match.start(), *inner, match.end()]))
    return tuple(found)


def spans_of(cells: Sequence[Any], text: str, changed: set[str]) -> list[Span]:
    """The spans of a cell, in their order on the text, checked against it. What was mended is put to ``changed``.

    Raises :class:`RowFault` for what is no span, lies outside of the text, overlaps another, or has other characters
    than it says.
    """
    spans = _counted([_span(cell) for cell in cells], text, changed)
    found = []
    for span in spans:
        part = text[span.start : span.end]
        if not part.strip():
            raise RowFault("empty_span", f"the span {span.start} to {span.end} holds nothing")
        start = span.start + len(part) - len(part.lstrip())
        end = span.end - (len(part) - len(part.rstrip()))
        if (start, end) != (span.start, span.end):
            changed.add("blanks_cut_from_spans")
        found.append(Span(start, end, span.type))
    found = sorted(dict.fromkeys(found), key=lambda span: (span.start, span.end))
    if len(found) < len(spans):
        changed.add("equal_spans_joined")
    if any(_within_word(text, at) for span in found for at in (span.start, span.end)):
        changed.add("word_cut_at_span")
    for one, other in pairwise(found):
        if other.start < one.end:
            raise RowFault(
                "overlapping_spans",
                f"{text[one.start : one.end]!r} ({one.type}) and {text[other.start : other.end]!r} ({other.type}) "
                "overlap: a token has one tag",
            )
    return found


def tagged(text: str, spans: Sequence[Span]) -> tuple[tuple[tuple[int, int], ...], tuple[str, ...]]:
    """The words of the text and their tags in IOB2. A word is cut where a span begins or ends within it."""
    words = words_of(text, [at for span in spans for at in (span.start, span.end)])
    tags = [OUTSIDE] * len(words)
    for span in spans:
        within = [at for at, (start, end) in enumerate(words) if span.start <= start and end <= span.end]
        for place, at in enumerate(within):
            tags[at] = (INSIDE if place else BEGIN) + span.type
    return words, tuple(tags)


def _span(cell: Any) -> Span:
    if isinstance(cell, Mapping):
        start, end = (next((cell[key] for key in keys if key in cell), None) for keys in (STARTS, ENDS))
        name = next((cell[key] for key in TYPES if key in cell), None)
        surface = next((cell[key] for key in SURFACES if isinstance(cell.get(key), str)), None)
    elif isinstance(cell, list | tuple) and len(cell) == 3:
        start, end, name = cell
        surface = None
    else:
        raise RowFault("bad_span", f"a span is {kind(cell)}: it is {{start, end, label}} or [start, end, label]")
    if isinstance(name, list) and len(name) == 1:
        name = name[0]
    numbers: list[Any] = [int(at) if isinstance(at, float) and at.is_integer() else at for at in (start, end)]
    if not all(isinstance(at, int) and not isinstance(at, bool) for at in numbers):
        raise RowFault("bad_span", f"a span's start and end are {start!r} and {end!r}, which are no whole numbers")
    if not isinstance(name, str) or not name.strip():
        raise RowFault("bad_span", f"a span's label is {name!r}")
    return Span(numbers[0], numbers[1], name, surface)


def _within_word(text: str, at: int) -> bool:
    """Whether a place is between two letters of a script that parts words by blanks: one with capital letters."""
    return 0 < at < len(text) and all(each.lower() != each.upper() for each in text[at - 1 : at + 1])


def _fits(span: Span, text: str) -> bool:
    inside = 0 <= span.start < span.end <= len(text)
    return inside and (span.surface is None or text[span.start : span.end] == span.surface)


def _cuts(span: Span, text: str) -> bool:
    """Whether a span begins or ends within a word, or with a blank."""
    part = text[span.start : span.end]
    return part != part.strip() or _within_word(text, span.start) or _within_word(text, span.end)


def _counted(spans: Sequence[Span], text: str, changed: set[str]) -> list[Span]:
    """The spans in characters. What they count otherwise is put to ``changed``.

    Spans that do not fit, or cut words, are read by another count where all of them fit then; where no characters that
    they are to have prove it, they have to cut no word either. Raises :class:`RowFault` for those that fit in none.
    """
    fit = all(_fits(span, text) for span in spans)
    proven = all(span.surface is not None for span in spans)
    if fit and (proven or not any(_cuts(span, text) for span in spans)):
        return list(spans)
    for reason, moved in _readings(spans, text, proven):
        if all(_fits(span, text) and (proven or not _cuts(span, text)) for span in moved):
            changed.add(reason)
            return moved
    if fit:
        return list(spans)
    span = next(span for span in spans if not _fits(span, text))
    if span.end <= span.start:
        raise RowFault("span_outside_text", f"a span begins at {span.start} and ends at {span.end}")
    if not 0 <= span.start < span.end <= len(text):
        raise RowFault(
            "span_outside_text", f"a span is {span.start} to {span.end}, and the text has {len(text)} characters"
        )
    raise RowFault(
        "span_not_its_text",
        f"the span {span.start} to {span.end} is {text[span.start : span.end]!r}, and says {span.surface!r}",
    )


def _readings(spans: Sequence[Span], text: str, proven: bool) -> Iterator[tuple[str, list[Span]]]:
    """The spans by other counts of their places, and where they say their characters, with ends that count."""
    for count, sizes in other_counts(text):
        at = places(sizes)
        yield REASONS[count], [_moved(span, at.get(span.start, -1), at.get(span.end, -1)) for span in spans]
    if proven:
        yield "inclusive_ends_converted", [_moved(span, span.start, span.end + 1) for span in spans]


def _moved(span: Span, start: int, end: int) -> Span:
    return Span(start, end, span.type, span.surface)
