"""What each token of a text counts in the loss."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from runner.chat.messages import Message
from runner.chat.rendered import Rendered, Span
from runner.chat.tokenization import Encoded
from runner.chat.turn_positions import Layout, Turn


@dataclass(frozen=True)
class Learned:
    """What is learned of a text. ``weights`` has a number for each message."""

    weights: Sequence[float]
    #: The messages whose tokens are found: their numbers go before ``everything``.
    told: Sequence[int]
    #: Every other token is learned too, also those between the messages.
    everything: bool


def row_of(
    layout: Layout, encoded: Encoded, learned: Learned, messages: Sequence[Message], end_of_text: int | None
) -> Rendered:
    """A row: every token's weight is its message's. An answer without an end of turn gets the end of text."""
    ids = list(encoded.ids)
    weights = [float(learned.everything)] * len(ids)
    spans: list[Span] = []
    by_message = {turn.message: turn for turn in layout.turns}
    for index in learned.told:
        weight, role = learned.weights[index], messages[index].role
        if index in by_message:
            ranges = _answer(by_message[index], layout, encoded)
        else:
            ranges = [_tokens(encoded, *layout.contents[index])] if index in layout.contents else []
        for start, end in ranges:
            weights[start:end] = [weight] * (end - start)
            spans.append(Span(index, role, start, end, weight))
    last = layout.turns[-1] if layout.turns else None
    if last is not None and last.marker == last.end == len(layout.text) and end_of_text is not None:
        weight = learned.weights[last.message]
        ids.append(end_of_text)
        weights.append(weight)
        if spans and spans[-1].message == last.message:
            spans[-1] = Span(last.message, spans[-1].role, spans[-1].start, len(ids), weight)
    return Rendered(ids, weights, tuple(spans))


def _answer(turn: Turn, layout: Layout, encoded: Encoded) -> list[tuple[int, int]]:
    """The tokens of an answer: what the template marks of it, and always its end of turn; all where nothing is."""
    first, last = encoded.counts[turn.start], encoded.counts[turn.end]
    marked = [
        (max(start, turn.start), min(end, turn.end))
        for start, end in layout.generated
        if start < turn.end and end > turn.start
    ]
    if not marked:
        return [(first, last)]
    if turn.marker < turn.end:
        marked.append((turn.marker, turn.end))
    ranges: list[tuple[int, int]] = []
    for start, end in sorted(marked):
        low, high = _tokens(encoded, start, end)
        low, high = max(low, first), min(high, last)
        if ranges and low <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(high, ranges[-1][1]))
        else:
            ranges.append((low, high))
    return ranges


def _tokens(encoded: Encoded, start: int, end: int) -> tuple[int, int]:
    """The tokens that have a letter of the characters ``start`` to ``end`` in them."""
    starts = encoded.starts
    # A letter of several tokens begins all of them at the same character.
    low = bisect_left(starts, starts[max(0, bisect_right(starts, start) - 1)]) if starts else 0
    return low, max(low, bisect_left(starts, end))
