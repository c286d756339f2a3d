"""Questions and their contexts as windows of tokens, and where in these the answers are."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.errors import DataError
from runner.training.text_chunks import CHARACTERS, TEXTS, chunks
from runner.training.tokens import Tokens, TokenWriter


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
    #: Which text a token is of, int8, for a model that is told.
    types: Tokens | None
    #: The question's number, where the context's tokens are, and the token that stands for no answer: int64 ``[w]``.
    question: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    null: np.ndarray
    #: Of each window's tokens of the context their places in it, from their first character and to behind their last.
    first: Tokens
    last: Tokens
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
            found["token_type_ids"] = torch.from_numpy(self.types.padded(chosen, 0)[0])
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


def windows(rows: Iterable[Any], tokenizer: Any, sizes: Sizes, cache: Path | None = None) -> Windows:
    """The windows of questions, which have ``question`` and ``context``.

    ``cache``: the folder where many tokens lie.
    """
    ids, types = TokenWriter(cache), TokenWriter(cache, "b")
    first, last = TokenWriter(cache), TokenWriter(cache)
    question, begin, end, null = (array("q") for _ in range(4))
    cut: list[int] = []
    at = 0
    for part in chunks(rows, TEXTS, CHARACTERS, lambda row: len(row.question) + len(row.context)):
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
        types.add(encoded.get("token_type_ids") or [])
        for number, (own, places) in enumerate(zip(encoded["input_ids"], encoded["offset_mapping"], strict=True)):
            inside = [place for place, text in enumerate(encoded.sequence_ids(number)) if text == 1]
            ids.add([own])
            question.append(at + encoded["overflow_to_sample_mapping"][number])
            begin.append(inside[0] if inside else len(own))
            end.append(inside[-1] + 1 if inside else len(own))
            null.append(own.index(tokenizer.cls_token_id) if tokenizer.cls_token_id in own else 0)
            spans = places[begin[-1] : end[-1]]
            first.add([[place for place, _ in spans]])
            last.add([[place for _, place in spans]])
        at += len(part)
    padding = tokenizer.pad_token_id
    return Windows(
        ids.done(),
        types.done() if len(types) == len(ids) and len(ids) else None,
        np.array(question, np.int64),
        np.array(begin, np.int64),
        np.array(end, np.int64),
        np.array(null, np.int64),
        first.done(),
        last.done(),
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
    # The windows of a question stand together, in the order of the questions.
    rest = enumerate(rows)
    own, row = -1, None  # type: int, Any
    for at, number in enumerate(made.question.tolist()):
        while own < number:
            own, row = next(rest)
        first, last = made.first[at], made.last[at]
        for answer in row.answers:
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
