"""A conversation as token ids, and what each of them counts in the loss."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Span:
    """The tokens ``start`` to ``end`` (exclusive) of a row, which are of message ``message``, and what they count."""

    message: int
    role: str
    start: int
    end: int
    weight: float


@dataclass(frozen=True, slots=True)
class Rendered:
    """A row for training. ``weights`` has one number a token; 0 is not learned."""

    ids: list[int]
    weights: list[float]
    #: The turns that are learned, in their order. An answer's span has its end of turn with it.
    spans: tuple[Span, ...]
    #: What was done to the texts on the way, one sentence each: the caller counts and tells them.
    notes: tuple[str, ...] = ()

    @property
    def trained_tokens(self) -> int:
        """How many tokens are learned."""
        return sum(weight > 0 for weight in self.weights)

    @property
    def trained_messages(self) -> tuple[int, ...]:
        """The indexes of the messages that have a token that is learned."""
        return tuple(sorted({span.message for span in self.spans if span.weight > 0}))


def cut(rendered: Rendered, max_length: int) -> Rendered:
    """The first ``max_length`` tokens of a row.

    ``trained_tokens`` of the result is 0 where the answers were all beyond: such a row teaches nothing, and the caller
    drops it and says so. A turn that is cut loses its end of turn, as it should: it did not end there.
    """
    if len(rendered.ids) <= max_length:
        return rendered
    spans = tuple(replace(span, end=min(span.end, max_length)) for span in rendered.spans if span.start < max_length)
    return replace(rendered, ids=rendered.ids[:max_length], weights=rendered.weights[:max_length], spans=spans)
