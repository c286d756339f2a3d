"""Whether the tokens of two models mean the same: the vocabularies of their tokenizers, and not only their sizes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from runner.errors import DataError

TEXT = 'an answer means the same in any vocabulary: "outputs": "text" learns what the teacher says'


@dataclass(frozen=True)
class Shared:
    """The tokens ``0 ... count - 1``, of which both models give odds."""

    count: int
    #: Tokens of the student's tokenizer that the teacher's has none of: id -> text.
    lacking: dict[int, str]
    #: What is to be told; None where both give odds of the same tokens.
    note: str | None
    name: str
    where: str

    def check(self, used: Collection[int]) -> None:
        """Raise :class:`DataError` where rows have a token that the teacher does not know."""
        unknown = sorted(set(used) & self.lacking.keys()) or sorted(token for token in used if token >= self.count)
        if unknown:
            shown = ", ".join(repr(self.lacking.get(token, str(token))) for token in unknown[:3])
            raise DataError(
                f"the rows have tokens that the teacher {self.name} does not know: {shown}",
                where=self.where,
                hint=f"take a chat template of tokens that both have; or {TEXT}",
            )


def shared_vocabulary(student: Any, teacher: Any, own: int, others: int, name: str, where: str) -> Shared:
    """The tokens that a student and a teacher have in common, from their tokenizers and the odds that they give.

    ``own`` and ``others`` are how many tokens the student and the teacher give odds of: a model may give more than its
    tokenizer has. Raises :class:`DataError` where a number stands for another token in the other tokenizer.
    """
    first, second = ({number: text for text, number in each.get_vocab().items()} for each in (student, teacher))
    both = first.keys() & second.keys()
    unlike = sorted(number for number in both if first[number] != second[number])
    if unlike:
        one = unlike[0]
        raise DataError(
            f"the teacher {name} has another vocabulary: token {one:,} is {second[one]!r} there and {first[one]!r} "
            f"here; the two are different vocabularies: {len(unlike):,} of the {len(both):,} numbers that both have "
            "stand for other tokens",
            where=where,
            hint=TEXT,
        )
    lacking = {number: first[number] for number in first.keys() - second.keys()}
    note = None
    if own != others:
        note = (
            f"the teacher {name} gives odds of {others:,} tokens and the student of {own:,}: those of the first "
            f"{min(own, others):,} are compared"
        )
    return Shared(min(own, others), lacking, note, name, where)
