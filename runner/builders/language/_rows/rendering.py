"""Rows of data as token rows, each told of where it is cut, left out or refused."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from runner.builders.language._rows.row_report import CUT, LONGER, NOTHING, OTHER_TURNS, RowReport
from runner.builders.language._rows.token_rows import RowWriter, TokenRows
from runner.chat.messages import Conversation, Message
from runner.chat.refusals import Unrenderable
from runner.chat.rendered import Rendered, cut
from runner.chat.renderer import ChatRenderer
from runner.chat.special_tokens import begun
from runner.contract import FootprintContext, TrainContext
from runner.data.dialogues.row_types import ConversationRow, LabelledRow, LanguageRow, PreferenceRow, TextRow
from runner.data.kept_rows import taken
from runner.training.text_chunks import CHARACTERS, TEXTS, chunks

MAX_LENGTH = "/model/spec/max_length"
ENDS_BEHIND = "left out, as an answer ends behind max_length"
DIFFER_BEHIND = "left out, as the answers differ only behind max_length"
#: The least weight that is a number of float32 and no zero.
LEAST = float(np.finfo(np.float32).tiny)

Row = TypeVar("Row", bound=LanguageRow)


def renderer_of(base: Any, spec: Any, context: TrainContext | FootprintContext) -> ChatRenderer:
    """The renderer that ``chat.template`` asks for, with the base's tokenizer. Raises what it does, by pointer."""
    renderer = ChatRenderer.of(base.tokenizer, spec.chat.template)
    for sentence in renderer.warnings:
        context.emit("warning", message=sentence, pointer="/model/spec/chat/template")
    return renderer


@dataclass(frozen=True)
class Side:
    """One side of the split as tokens."""

    rows: TokenRows
    #: int64 ``[n]``: rows that belong together, such as the blocks of a text; an interval draws them together.
    groups: np.ndarray
    report: RowReport
    #: UTF-8 bytes of what is learned of each row, float64 ``[n]``.
    bytes: np.ndarray
    #: int64 ``[n]``, not falling: the answer that a row is of. One row an answer will do, but for a template that
    #: rewrites earlier turns: there an answer of several turns has a row for each.
    answers: np.ndarray
    #: The folder where many tokens lie.
    cache: Path | None = None

    def only(self, numbers: np.ndarray) -> Side:
        """The rows of these numbers (int64, rising) alone; the report is the same one, and has their counts."""
        writer = RowWriter(self.cache)
        for number in numbers.tolist():
            writer.add(*self.rows.row(number))
        rows = writer.done()
        groups = self.groups[numbers]
        self.report.rows, self.report.used = len(rows), len(np.unique(groups))
        self.report.tokens, self.report.trained_tokens = int(rows.lengths.sum()), int(rows.trained.sum())
        return Side(rows, groups, self.report, self.bytes[numbers], self.answers[numbers], self.cache)

    def by_answer(self, values: np.ndarray) -> np.ndarray:
        """Values of rows, ``[n]``, added up by answer: float64 ``[answers]``."""
        return np.bincount(self.answers, values) if len(values) else np.zeros(0)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of every answer with its prompt, int64 ``[answers]``."""
        return self.by_answer(self.rows.lengths).astype(np.int64)

    @property
    def trained(self) -> np.ndarray:
        """Tokens of every answer that count, int64 ``[answers]``."""
        return self.by_answer(self.rows.trained).astype(np.int64)

    def rows_of(self, answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows of some answers, int64 ``[r]`` in their order, and of each the place of its answer among them."""
        first, end = (np.searchsorted(self.answers, answers, side) for side in ("left", "right"))
        counts = end - first
        places = np.repeat(np.arange(len(answers)), counts)
        within = np.arange(len(places)) - np.repeat(np.cumsum(counts) - counts, counts)
        return first[places] + within, places


class _Making:
    """Gathers the rows of one side."""

    def __init__(self, side: str, max_length: int, tokenizer: Any, cache: Path | None) -> None:
        self.report = RowReport(side)
        self._max_length, self._tokenizer, self._cache = max_length, tokenizer, cache
        self._rows = RowWriter(cache)
        #: Lines that were read; of each token row its group, its answer, and the bytes that are learned of it.
        self._lines = array("q")
        self._groups, self._answers, self._bytes = array("q"), array("q"), array("d")

    def reading(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, one after the other: those that are read are counted."""
        for row in rows:
            self._lines.append(row.line)
            yield row

    def fits(self, rendered: Rendered, line: int, unlearned: str | None) -> Rendered | None:
        """The row, cut; None where nothing of it would be learned. ``unlearned``: the field that says what is."""
        whole = cut(rendered, self._max_length)
        if not _learned(whole):
            if _learned(rendered):
                self.report.count(NOTHING, line, "its answer begins behind max_length", LONGER, MAX_LENGTH)
            else:
                self.report.count(NOTHING, line, "loss_on names no turn of it", OTHER_TURNS, unlearned)
            return None
        if len(rendered.ids) > self._max_length:
            self.report.count(CUT, line)
        return whole

    def add(self, ids: list[int], weights: list[float], group: int) -> None:
        """A row, an answer of its own."""
        self._answers.append(self._answers[-1] + 1 if self._answers else 0)
        self._put(ids, weights, group)

    def add_answer(self, rows: Sequence[Rendered], group: int) -> None:
        """The rows of one answer."""
        number = self._answers[-1] + 1 if self._answers else 0
        for row in rows:
            self._answers.append(number)
            self._put(row.ids, row.weights, group)

    def cut(self, rows: Sequence[Rendered]) -> list[Rendered]:
        """The rows of one answer, cut; those of which nothing would be learned then are left out."""
        return [whole for row in rows if _learned(whole := cut(row, self._max_length))]

    def _put(self, ids: list[int], weights: list[float], group: int) -> None:
        self._rows.add(ids, weights)
        self._groups.append(group)
        kept = [token for token, weight in zip(ids[1:], weights[1:], strict=True) if weight > 0]
        self._bytes.append(len(self._tokenizer.decode(kept, skip_special_tokens=True).encode()))

    def done(self) -> Side:
        rows = self._rows.done()
        lines, groups, answers = (np.array(values, np.int64) for values in (self._lines, self._groups, self._answers))
        self.report.read, self.report.rows, self.report.used = len(np.unique(lines)), len(rows), len(np.unique(groups))
        self.report.tokens = int(rows.lengths.sum())
        self.report.trained_tokens = int(rows.trained.sum())
        return Side(rows, groups, self.report, np.array(self._bytes, np.float64), answers, self._cache)


def texts(rows: Sequence[TextRow], tokenizer: Any, max_length: int, side: str, cache: Path | None = None) -> Side:
    """Texts, each with its end; a longer one in blocks that share a token, so that all of its tokens are foretold.

    ``cache``, here and below: the folder where many tokens lie.
    """
    making = _Making(side, max_length, tokenizer, cache)
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]

    def read() -> Iterator[tuple[TextRow, list[int]]]:
        for part in chunks(making.reading(rows), TEXTS, CHARACTERS, lambda row: len(row.text)):
            found = tokenizer([row.text for row in part], add_special_tokens=False)["input_ids"]
            yield from zip(part, found, strict=True)

    for row, tokens in read():
        while end and tokens[-1:] == end:
            tokens.pop()
        ids = [*begun(tokenizer, tokens), *end]
        if len(ids) < 2:
            making.report.count(NOTHING, row.line, "it has no more than one token")
            continue
        for at in range(0, len(ids) - 1, max_length - 1):
            block = ids[at : at + max_length]
            making.add(block, [1.0] * len(block), row.line)
    return making.done()


def conversations(
    rows: Iterable[ConversationRow], renderer: Any, loss_on: Any, max_length: int, side: str, cache: Path | None = None
) -> Side:
    """Conversations by the chat template: one row each, or one an answer where the template rewrites earlier turns."""
    making = _Making(side, max_length, renderer.tokenizer, cache)
    # Where answers are learned and none is, the data says so.
    unlearned = None if loss_on == "assistant" else "/model/spec/loss_on"
    for row in making.reading(rows):
        try:
            found = renderer.trained_each(row.conversation, loss_on)
        except Unrenderable as error:
            making.report.count(error.reason, row.line, error.message, error.hint)
            continue
        for rendered in found:
            making.report.note(rendered.notes)
            if (whole := making.fits(rendered, row.line, unlearned)) is not None:
                making.add(whole.ids, whole.weights, row.line)
    return making.done()


@dataclass(frozen=True)
class Pairs:
    """Two answers each: answer ``2 i`` of ``side`` is the chosen one of pair ``i``, answer ``2 i + 1`` the other."""

    side: Side
    #: float64 ``[pairs]``, 0 where the data says none.
    margins: np.ndarray

    def __len__(self) -> int:
        return len(self.margins)


def pairs(
    rows: Iterable[PreferenceRow],
    renderer: Any,
    max_length: int,
    side: str,
    cache: Path | None = None,
    *,
    scored: bool = False,
) -> Pairs:
    """Preferences by the chat template; of each answer its own turns count.

    ``scored``: an answer is one row, as it is scored once it is whole, and one that would be cut is left out.
    """
    making = _Making(side, max_length, renderer.tokenizer, cache)
    margins = array("d")
    for row in making.reading(rows):
        try:
            both = [_answered(renderer, row.prompt, answer, scored) for answer in (row.chosen, row.rejected)]
        except Unrenderable as error:
            making.report.count(error.reason, row.line, error.message, error.hint)
            continue
        if _ids(both[0]) == _ids(both[1]):
            making.report.count("left out, as both answers are the same tokens", row.line)
            continue
        cutting = any(len(rendered.ids) > max_length for answer in both for rendered in answer)
        if scored and cutting:
            making.report.count(ENDS_BEHIND, row.line, hint=LONGER, where=MAX_LENGTH)
            continue
        fitting = [making.cut(answer) for answer in both]
        if not all(fitting):
            making.report.count(NOTHING, row.line, "an answer begins behind max_length", LONGER, MAX_LENGTH)
            continue
        if _ids(fitting[0]) == _ids(fitting[1]):
            making.report.count(DIFFER_BEHIND, row.line, hint=LONGER, where=MAX_LENGTH)
            continue
        if cutting:
            making.report.count(CUT, row.line)
        for answer in fitting:
            making.report.note(answer[0].notes)
            making.add_answer(answer, row.line)
        margins.append(row.margin or 0.0)
    return Pairs(making.done(), np.array(margins, np.float64))


@dataclass(frozen=True)
class Labelled:
    """Single answers; answer ``n + i`` of ``side`` is another row's, to the prompt of ``i``, for the divergence."""

    side: Side
    wanted: np.ndarray

    def __len__(self) -> int:
        return len(self.wanted)


def labelled(
    rows: Sequence[LabelledRow], renderer: Any, max_length: int, side: str, cache: Path | None = None
) -> Labelled:
    """Single answers by the chat template, and each prompt with the answer of the last row before it that asks
    something else (the first: of the last row).

    Source: Ethayarajh et al. (2024), section 4.1: the reference point is estimated from mismatched pairs.
    """
    making = _Making(side, max_length, renderer.tokenizer, cache)
    kept, wanted = array("q"), array("b")
    for at, row in enumerate(making.reading(rows)):
        try:
            answer = _answered(renderer, row.prompt, row.completion)
        except Unrenderable as error:
            making.report.count(error.reason, row.line, error.message, error.hint)
            continue
        if not (whole := making.cut(answer)):
            making.report.count(NOTHING, row.line, "its answer begins behind max_length", LONGER, MAX_LENGTH)
            continue
        if any(len(rendered.ids) > max_length for rendered in answer):
            making.report.count(CUT, row.line)
        making.report.note(whole[0].notes)
        making.add_answer(whole, row.line)
        kept.append(at)
        wanted.append(row.wanted)
    used = taken(rows, np.array(kept, np.int64))
    for row, other in zip(used, _others(used), strict=True):
        try:
            mismatched = making.cut(_answered(renderer, row.prompt, used[other].completion))
        except Unrenderable:
            mismatched = []
        making.add_answer(mismatched or making.cut(_answered(renderer, row.prompt, row.completion)), row.line)
    made = making.done()
    # The mismatched answers are read, and nothing of them is learned.
    own = made.answers < len(kept)
    made.report.rows = len(kept)
    made.report.tokens = int(made.rows.lengths[own].sum())
    made.report.trained_tokens = int(made.rows.trained[own].sum())
    return Labelled(made, np.array(wanted, bool))


def _others(rows: Sequence[LabelledRow]) -> Sequence[int]:
    """Of each row the nearest before it that asks something else; before the first comes the last.

    Where all ask the same it is the row before.
    """
    found = array("q")
    for at, row in enumerate(rows):
        if at and rows[at - 1].prompt == row.prompt:
            found.append(found[-1])
            continue
        before = range(at - 1, at - 1 - len(rows), -1) if not at else (at - 1,)
        found.append(next((one % len(rows) for one in before if rows[one].prompt != row.prompt), at - 1))
    return found


def _answered(renderer: Any, prompt: Conversation, answer: Sequence[Message], scored: bool = False) -> list[Rendered]:
    """Prompt and answer, of which the answer's own turns by the assistant count: one row, or one for each such turn
    where the template rewrites earlier ones. ``scored``: one row, which ends with the answer."""
    before = [replace(message, weight=0.0) for message in prompt.messages]
    after = [replace(message, weight=None) for message in answer]
    whole = prompt.with_messages([*before, *after])
    if scored:
        return [renderer.trained(whole, "last_assistant")]
    found: list[Rendered] = renderer.trained_each(whole, "assistant")
    return [row for row in found if any(row.weights[1:])] or found


def _learned(rendered: Rendered) -> bool:
    """Whether a token counts; the first is foretold by none."""
    return max(rendered.weights[1:], default=0.0) >= LEAST


def _ids(rows: Sequence[Rendered]) -> list[list[int]]:
    return [row.ids for row in rows]
