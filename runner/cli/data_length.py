"""Which rows have room in a model's tokens: ``runner data check --model`` leaves out what training would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from runner.chat.rendered import Rendered, cut
from runner.errors import DataError, UsageError


class NoRoom(DataError):
    """A row of which nothing would be learned. ``reason`` is what rows are counted by."""

    def __init__(self, reason: str, message: str, where: str, hint: str) -> None:
        super().__init__(message, where=where, hint=hint)
        self.reason = reason


@dataclass(frozen=True)
class Room:
    """The tokens of a row that are read, and whether an answer has to have its end among them."""

    tokens: int
    whole: bool

    def cuts(self, answers: Sequence[Sequence[Rendered]]) -> bool:
        """Whether a row is cut: ``answers`` are its answers, each as the token rows that it is.

        Raises :class:`NoRoom` where one of them would not be learned.
        """
        longest = max(len(row.ids) for rows in answers for row in rows)
        if not all(_learned(rows) for rows in answers):
            raise NoRoom("nothing_learned", "loss_on names no turn of it", "/model/spec/loss_on", "another loss_on")
        kept = all(_learned([cut(row, self.tokens) for row in rows]) for rows in answers)
        if not kept or (self.whole and longest > self.tokens):
            what = "ends" if kept else "begins"
            raise NoRoom(
                "answer_behind_max_length",
                f"an answer {what} behind max_length: {longest:,} tokens, of which {self.tokens:,} are read",
                "/model/spec/max_length",
                "a greater max_length",
            )
        return longest > self.tokens


def _learned(rows: Sequence[Rendered]) -> bool:
    """Whether a token counts; the first is foretold by none."""
    return any(any(row.weights[1:]) for row in rows)


def room_of(kind: str, words: int | None) -> Room:
    """The room of a row of a kind of language models: ``words``, or, with None, the kind's own.

    Raises :class:`UsageError` for words that are no ``max_length``.
    """
    from pydantic import TypeAdapter, ValidationError

    from runner import registry

    own = registry.load(kind).Spec
    field = own.model_fields.get("max_length")
    if field is None:
        raise UsageError(f"{kind} has no max_length", where="--max-length", hint="leave it out")
    tokens: Any = field.get_default(call_default_factory=True) if words is None else words
    try:
        TypeAdapter(Annotated[int, *field.metadata]).validate_python(tokens)
    except ValidationError as error:
        raise UsageError(error.errors(include_url=False)[0]["msg"], where="--max-length") from None
    # What does not speak reads answers to their end.
    return Room(tokens, whole=not getattr(own, "speaks", True))
