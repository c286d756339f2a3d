"""Questions and their contexts as windows of tokens, and where in these the answers are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from runner.errors import DataError
from runner.training.tokens import Tokens

#: Questions that are tokenized at a time.
CHUNK = 256


@dataclass(frozen=True)
class Sizes:
    """How long windows and what is in them are, in tokens."""

    max_length: int
    doc_stride: int
    question: int
    answer: int

    @classmethod
    def of(cls, spec: Any) -> Sizes:
        return cls(spec.max_length, spec.doc_stride, spec.question_tokens(), spec.max_answer_length)

    def as_document(self) -> dict[str, int]:
        return {
            "max_length": self.max_length,
            "doc_stride": self.doc_stride,
            "max_question_length": self.question,
            "max_answer_length": self.answer,
        }

    @classmethod
    def read(cls, document: Any) -> Sizes:
        """The inverse of :meth:`as_document`."""
        names = ("max_length", "doc_stride", "max_question_length", "max_answer_length")
        return cls(*(int(document[name]) for name in names))


@dataclass(frozen=True)
class Windows:
    """Windows of some questions, in their order. The context's tokens in window ``i`` are ``[begin[i], end[i])``."""

    tokens: Tokens
    #: Which text a token is of, int8 ``[all tokens]``, for a model that is told.
    types: np.ndarray | None
    #: The question's number, where the context's tokens are, and the token that stands for no answer: int64 ``[w]``.
    question: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    null: np.ndarray
    #: Of each window's tokens of the context their places in it, from their first character and to behind their last.
    first: list[np.ndarray]
    last: list[np.ndarray]
    padding: int
    #: Questions that were cut, by number.
    cut: list[int]

    def __len__(self) -> int:
        return len(self.tokens)

    def batch(self, chosen: np.ndarray) -> dict[str, torch.Tensor]:
        """What a model reads of some windows (int64 ``[B]``): int64 ``[B, T]`` each."""
        ids, mask = self.tokens.padded(chosen, self.padding)
        found = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if self.types is not None:
            types, _ = Tokens(self.types, self.tokens.ends).padded(chosen, 0)
            found["token_type_ids"] = torch.from_numpy(types)
        return found

    def allowed(self, chosen: np.ndarray, width: int) -> np.ndarray:
        """The tokens that an answer may start and end at, and the one for none: bool ``[B, width]``."""
        at = np.arange(width)
        inside = (at >= self.begin[chosen, None]) & (at < self.end[chosen, None])
        return inside | (at == self.null[chosen, None])


@dataclass(frozen=True)
class Gold:
    """Where the answers are."""

    #: The tokens that each window's answer starts and ends at, the one for none where it has none: int64 ``[w]``.
    start: np.ndarray
    end: np.ndarray
    #: Whether a question's answer is whole in a window, and short enough to be given: bool ``[questions]``.
    found: np.ndarray
    too_long: np.ndarray


def need_places(tokenizer: Any, where: str) -> None:
    """Raise :class:`DataError` for a tokenizer that does not tell where in a text its tokens are."""
    if not tokenizer.is_fast:
        raise DataError(
            "its tokenizer does not tell where in a text a token is",
            where=where,
            hint="name a model with a fast tokenizer: a tokenizer.json",
        )


def windows(rows: Sequence[Any], tokenizer: Any, sizes: Sizes) -> Windows:
    """The windows of questions, which have ``question`` and ``context``."""
    ids: list[list[int]] = []
    types: list[list[int]] = []
    question: list[int] = []
    begin, end, null = [], [], []
    first, last = [], []
    cut: list[int] = []
    for at in range(0, len(rows), CHUNK):
        part = rows[at : at + CHUNK]
        asked, shortened = _shortened([row.question for row in part], tokenizer, sizes.question)
        cut += [at + number for number in shortened]
        # A context as it stands: another text would have its tokens elsewhere.
        encoded = tokenizer(
            asked,
            [row.context for row in part],
            truncation="only_second",
            max_length=sizes.max_length,
            stride=sizes.doc_stride,
            padding=False,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        types += encoded.get("token_type_ids") or []
        for number, (own, places) in enumerate(zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)):
            inside = [place for place, text in enumerate(encoded.sequence_ids(number)) if text == 1]
            ids.append(own)
            question.append(at + encoded["overflow_to_sample_mapping"][number])
            begin.append(inside[0] if inside else len(own))
            end.append(inside[-1] + 1 if inside else len(own))
            null.append(own.index(tokenizer.cls_token_id) if tokenizer.cls_token_id in own else 0)
            spans = np.array(places[begin[-1] : end[-1]], np.int64).reshape(-1, 2)
            first.append(spans[:, 0])
            last.append(spans[:, 1])
    tokens = Tokens.of(ids)
    told = np.fromiter((kind for own in types for kind in own), np.int8) if len(types) == len(ids) and ids else None
    padding = tokenizer.pad_token_id
    return Windows(
        tokens,
        told,
        np.array(question, np.int64),
        np.array(begin, np.int64),
        np.array(end, np.int64),
        np.array(null, np.int64),
        first,
        last,
        0 if padding is None else padding,
        cut,
    )


def _shortened(questions: list[str], tokenizer: Any, longest: int) -> tuple[list[str], list[int]]:
    """The questions, those cut that have more tokens, and the numbers of these."""
    found, cut = list(questions), []
    encoded = tokenizer(questions, add_special_tokens=False, padding=False, return_offsets_mapping=True)
    for number, places in enumerate(encoded["offset_mapping"]):
        kept = longest
        while len(places) > kept > 0:
            text = questions[number][: places[kept - 1][1]]
            # A word that was cut may be other tokens, and more of them.
            if len(tokenizer(text, add_special_tokens=False)["input_ids"]) <= longest:
                found[number] = text
                cut.append(number)
                break
            kept -= 1
    return found, cut


def gold(rows: Sequence[Any], made: Windows, longest: int) -> Gold:
    """Where the answers are in their windows. Of several answers a window has the first that is whole in it."""
    start, end = made.null.copy(), made.null.copy()
    found, too_long = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    for at, number in enumerate(made.question.tolist()):
        first, last = made.first[at], made.last[at]
        for answer in rows[number].answers:
            one = int(np.searchsorted(last, answer.start, "right"))
            other = int(np.searchsorted(first, answer.end, "left")) - 1
            whole = one <= other and first[one] <= answer.start and last[other] >= answer.end
            if not whole:
                continue
            found[number] |= other - one < longest
            too_long[number] |= other - one >= longest
            if start[at] == made.null[at]:
                start[at], end[at] = made.begin[at] + one, made.begin[at] + other
    return Gold(start, end, found, too_long & ~found)
