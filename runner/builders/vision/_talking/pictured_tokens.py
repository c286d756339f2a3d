"""Rows as tokens: a picture's are its own, the answers' are learned, and a row that is too long is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from runner.builders.language._rows.row_report import LONGER, RowReport
from runner.builders.text._targets.target_tokens import NOT_LEARNED
from runner.builders.vision._talking.pictured_base import PictureProcessor
from runner.chat.messages import Conversation
from runner.chat.refusals import Unrenderable
from runner.chat.rendered import Rendered
from runner.chat.renderer import ChatRenderer
from runner.data.pictured_dialogues.pictured_row import MARK, PicturedRow
from runner.errors import DataError

TOO_LONG = "left out, as it is longer than max_length with its pictures"
SPELLED = "left out, as a text of it spells the token of a picture"


@dataclass(frozen=True)
class PicturedTokens:
    """One side of the split."""

    rows: Sequence[PicturedRow]
    #: Token ids of every row, and its labels: int64 each.
    ids: Sequence[np.ndarray]
    labels: Sequence[np.ndarray]
    report: RowReport
    #: Tokens of pictures, in all rows.
    picture_tokens: int

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of every row, int64 ``[n]``."""
        return np.array([len(ids) for ids in self.ids], np.int64)

    @property
    def learned(self) -> np.ndarray:
        """Tokens of every row that are learned, int64 ``[n]``."""
        return np.array([int((labels != NOT_LEARNED).sum()) for labels in self.labels], np.int64)

    @property
    def groups(self) -> np.ndarray:
        """Rows of one first picture have one number: int64 ``[n]``."""
        names = [row.pictures[0].key if row.pictures else -row.line for row in self.rows]
        found: np.ndarray = np.unique(np.array(names, object).astype(str), return_inverse=True)[1]
        return found.astype(np.int64)


def encoded(
    rows: Sequence[PicturedRow], processor: PictureProcessor, renderer: ChatRenderer, max_length: int, side: str
) -> PicturedTokens:
    """Every row by the chat template; of it the assistant's turns are learned."""
    report = RowReport(side, read=len(rows))
    kept, ids, labels = [], [], []
    pictures = 0
    for row in rows:
        try:
            made = renderer.trained(with_token(row.conversation, processor.token))
        except Unrenderable as error:
            report.count(error.reason, row.line, error.message, error.hint)
            continue
        report.note(made.notes)
        if made.ids.count(processor.token_id) != len(row.pictures):
            report.count(SPELLED, row.line)
            continue
        own, wanted = labelled(made, processor)
        if len(own) > max_length:
            report.count(TOO_LONG, row.line, f"it has {len(own):,} tokens", LONGER, "/model/spec/max_length")
            continue
        kept.append(row)
        ids.append(own)
        labels.append(wanted)
        pictures += processor.count * len(row.pictures)
    report.rows = report.used = len(kept)
    report.tokens = sum(map(len, ids))
    report.trained_tokens = int(sum((label != NOT_LEARNED).sum() for label in labels))
    return PicturedTokens(kept, ids, labels, report, pictures)


def prompt_of(conversation: Conversation, processor: PictureProcessor, renderer: ChatRenderer, count: int) -> list[int]:
    """What the model is fed to answer. Raises :class:`DataError` for a text that spells the token of a picture."""
    ids = renderer.prompt(with_token(conversation, processor.token))
    if ids.count(processor.token_id) != count:
        raise DataError(f"a text spells {processor.token}, which is the model's token of a picture")
    return processor.with_pictures(ids)


def with_token(conversation: Conversation, token: str) -> Conversation:
    """The conversation with the model's own token in place of each mark."""
    return conversation.with_messages(
        [replace(turn, content=turn.content.replace(MARK, token)) for turn in conversation.messages]
    )


def labelled(made: Rendered, processor: PictureProcessor) -> tuple[np.ndarray, np.ndarray]:
    """A row with all tokens of its pictures, none of which is learned, and its labels: int64 ``[tokens]`` each."""
    ids: list[int] = []
    labels: list[int] = []
    for token, weight in zip(made.ids, made.weights, strict=True):
        picture = token == processor.token_id
        # The first token is foretold by none.
        learned = weight > 0 and not picture and bool(ids)
        times = processor.count if picture else 1
        ids += [token] * times
        labels += [token if learned else NOT_LEARNED] * times
    return np.array(ids, np.int64), np.array(labels, np.int64)
