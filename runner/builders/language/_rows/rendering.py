"""Rows of data as token rows, each told of where it is cut, left out or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from runner.builders.language._rows.row_report import CUT, NOTHING, RowReport
from runner.builders.language._rows.token_rows import TokenRows
from runner.chat.messages import Conversation, Message
from runner.chat.refusals import Unrenderable
from runner.chat.rendered import Rendered, cut
from runner.chat.templates import wants_start
from runner.data.dialogues.rows import ConversationRow, LabelledRow, PreferenceRow, TextRow


@dataclass(frozen=True)
class Side:
    """One side of the split as tokens."""

    rows: TokenRows
    #: int64 ``[n]``: rows that belong together, such as the blocks of a text; an interval draws them together.
    groups: np.ndarray
    report: RowReport
    #: UTF-8 bytes of what is learned of each row, float64 ``[n]``.
    bytes: np.ndarray


class _Making:
    """Gathers the rows of one side."""

    def __init__(self, side: str, max_length: int, tokenizer: Any) -> None:
        self.report = RowReport(side)
        self._max_length, self._tokenizer = max_length, tokenizer
        self._ids: list[list[int]] = []
        self._weights: list[list[float]] = []
        self._groups: list[int] = []

    def fits(self, rendered: Rendered, line: int) -> Rendered | None:
        """The row, cut; None where nothing of it would be learned."""
        whole = cut(rendered, self._max_length)
        if not any(whole.weights[1:]):
            why = "its answer begins behind max_length" if any(rendered.weights) else "loss_on names no turn of it"
            self.report.count(NOTHING, line, why)
            return None
        if len(rendered.ids) > self._max_length:
            self.report.count(CUT, line)
        return whole

    def add(self, ids: list[int], weights: list[float], group: int) -> None:
        self._ids.append(ids)
        self._weights.append(weights)
        self._groups.append(group)

    def done(self) -> Side:
        rows = TokenRows.of(self._ids, self._weights)
        self.report.rows = len(rows)
        self.report.tokens = int(rows.lengths.sum())
        self.report.trained_tokens = int(rows.trained.sum())
        learned = np.array([self._bytes(*pair) for pair in zip(self._ids, self._weights, strict=True)], np.float64)
        return Side(rows, np.array(self._groups, np.int64), self.report, learned)

    def _bytes(self, ids: list[int], weights: list[float]) -> int:
        kept = [token for token, weight in zip(ids[1:], weights[1:], strict=True) if weight > 0]
        return len(self._tokenizer.decode(kept, skip_special_tokens=True).encode())


def texts(rows: Sequence[TextRow], tokenizer: Any, max_length: int, side: str) -> Side:
    """Texts, each with its end; a longer one in blocks that share a token, so that all of its tokens are foretold."""
    making = _Making(side, max_length, tokenizer)
    start = [tokenizer.bos_token_id] if wants_start(tokenizer) else []
    end = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    read = tokenizer([row.text for row in rows], add_special_tokens=False)["input_ids"] if rows else []
    for row, tokens in zip(rows, read, strict=True):
        ids = [*start, *tokens, *end]
        if len(ids) < 2:
            making.report.count(NOTHING, row.line, "it has no more than one token")
            continue
        for at in range(0, len(ids) - 1, max_length - 1):
            block = ids[at : at + max_length]
            making.add(block, [1.0] * len(block), row.line)
    return making.done()


def conversations(rows: Sequence[ConversationRow], renderer: Any, loss_on: Any, max_length: int, side: str) -> Side:
    """Conversations by the chat template: one row each, or one an answer where the template rewrites earlier turns."""
    making = _Making(side, max_length, renderer.tokenizer)
    for row in rows:
        try:
            found = renderer.trained_each(row.conversation, loss_on)
        except Unrenderable as error:
            making.report.count(error.reason, row.line, error.message, error.hint)
            continue
        for rendered in found:
            making.report.note(rendered.notes)
            if (whole := making.fits(rendered, row.line)) is not None:
                making.add(whole.ids, whole.weights, row.line)
    return making.done()


@dataclass(frozen=True)
class Pairs:
    """Two answers each: row ``2 i`` of ``side.rows`` is the chosen one of pair ``i``, row ``2 i + 1`` the other."""

    side: Side
    #: float64 ``[pairs]``, 0 where the data says none.
    margins: np.ndarray

    def __len__(self) -> int:
        return len(self.margins)


def pairs(rows: Sequence[PreferenceRow], renderer: Any, max_length: int, side: str, *, scored: bool = False) -> Pairs:
    """Preferences by the chat template; of each answer its own turns count. ``scored``: a cut answer is left out."""
    making = _Making(side, max_length, renderer.tokenizer)
    margins = []
    for row in rows:
        try:
            both = [_answered(renderer, row.prompt, answer) for answer in (row.chosen, row.rejected)]
        except Unrenderable as error:
            making.report.count(error.reason, row.line, error.message, error.hint)
            continue
        if both[0].ids == both[1].ids:
            making.report.count("left out, as both answers are the same tokens", row.line)
            continue
        if scored and any(len(rendered.ids) > max_length for rendered in both):
            making.report.count("left out, as an answer ends behind max_length", row.line)
            continue
        fitting = [cut(rendered, max_length) for rendered in both]
        if not all(any(rendered.weights[1:]) for rendered in fitting):
            making.report.count(NOTHING, row.line, "an answer begins behind max_length")
            continue
        if fitting[0].ids == fitting[1].ids:
            making.report.count("left out, as the answers differ only behind max_length", row.line)
            continue
        if any(len(rendered.ids) > max_length for rendered in both):
            making.report.count(CUT, row.line)
        for rendered in fitting:
            making.report.note(rendered.notes)
            making.add(rendered.ids, rendered.weights, row.line)
        margins.append(row.margin or 0.0)
    return Pairs(making.done(), np.array(margins, np.float64))


@dataclass(frozen=True)
class Labelled:
    """Single answers; row ``n + i`` is the prompt of answer ``i`` with another row's answer, for the divergence."""

    side: Side
    wanted: np.ndarray

    def __len__(self) -> int:
        return len(self.wanted)


def labelled(rows: Sequence[LabelledRow], renderer: Any, max_length: int, side: str) -> Labelled:
    """Single answers by the chat template, and each prompt with the answer of the row before it (the first: the last).

    Source: Ethayarajh et al. (2024), section 4.1: the reference point is estimated from mismatched pairs.
    """
    making = _Making(side, max_length, renderer.tokenizer)
    kept: list[tuple[LabelledRow, Rendered]] = []
    for row in rows:
        try:
            rendered = _answered(renderer, row.prompt, row.completion)
        except Unrenderable as error:
            making.report.count(error.reason, row.line, error.message, error.hint)
            continue
        if (whole := making.fits(rendered, row.line)) is not None:
            making.report.note(rendered.notes)
            kept.append((row, whole))
    for row, whole in kept:
        making.add(whole.ids, whole.weights, row.line)
    for at, (row, whole) in enumerate(kept):
        other = kept[at - 1][0]
        try:
            mismatched = cut(_answered(renderer, row.prompt, other.completion), max_length)
        except Unrenderable:
            mismatched = whole
        making.add(mismatched.ids, mismatched.weights, row.line)
    made = making.done()
    made.report.rows = len(kept)
    return Labelled(made, np.array([row.wanted for row, _ in kept], bool))


def _answered(renderer: Any, prompt: Conversation, answer: Sequence[Message]) -> Rendered:
    """Prompt and answer as one row, of which the answer's own turns by the assistant count."""
    before = [replace(message, weight=0.0) for message in prompt.messages]
    after = [replace(message, weight=None) for message in answer]
    rendered: Rendered = renderer.trained(prompt.with_messages([*before, *after]), "assistant")
    return rendered
