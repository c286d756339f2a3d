"""A stored reward model: the predictor of the task ``reward``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from runner.builders.language._learning.reward_scores import judged_scores
from runner.builders.language._models import merging, stored_model
from runner.builders.language._rows.token_rows import TokenRows
from runner.chat.renderer import ChatRenderer
from runner.contract import Table
from runner.contract.quantities import counted
from runner.errors import DataError


class Scorer:
    """The model, its tokenizer and its template."""

    def __init__(self, model: Any, tokenizer: Any, renderer: ChatRenderer, max_length: int) -> None:
        self.model, self.tokenizer, self.renderer, self.max_length = model, tokenizer, renderer, max_length

    @classmethod
    def load(cls, directory: Path, device: str = "cpu", cache: Path | None = None) -> Self:
        """Read a stored model's folder; of an adapter, its base as well."""
        document = stored_model.read(directory)
        model, tokenizer = stored_model.load(directory, device, cache, "score")
        return cls(model, tokenizer, ChatRenderer.from_document(tokenizer, document["chat"]), document["max_length"])

    @classmethod
    def merge(
        cls, directory: Path, target: Path, spec: Any, *, task: Any, metrics: Mapping[str, Any], **words: Any
    ) -> Table:
        """Write an adapter and its base as one model, with its card. See :func:`merging.merge`."""
        return merging.merged_with_card(directory, target, spec, task, metrics, head="score", **words)

    def predict(self, rows: Sequence[Any], options: Any, batch_size: int) -> list[float]:
        """The score of every conversation whose last turn is an assistant's, in the rows' order.

        Raises :class:`DataError` for a row without an answer, and for one longer than the model was trained at.
        """
        ids = []
        for at, row in enumerate(rows):
            try:
                ids.append(self.checked_ids(row))
            except DataError as error:
                raise DataError(f"row {at + 1}: {error.message}", where=error.where, hint=error.hint) from None
        tokens = TokenRows.of(ids, [[1.0] * len(row) for row in ids])
        found: np.ndarray = judged_scores(self.model, tokens, int(self.tokenizer.pad_token_id), str(self.model.device))
        return list(found.tolist())

    def checked_ids(self, row: Any) -> list[int]:
        """What the model is fed for a row. Raises :class:`DataError` for what it cannot score."""
        messages = (*row.conversation.messages, *row.answer)
        if messages[-1].role != "assistant":
            raise DataError(
                "there is no answer to score",
                hint='a row has messages that end with an assistant\'s turn, or "prompt" and "completion"',
            )
        plain = [replace(message, weight=None) for message in messages]
        ids: list[int] = self.renderer.trained(row.conversation.with_messages(plain), "last_assistant").ids
        if len(ids) > self.max_length:
            raise DataError(
                f"it has {counted(len(ids), 'tokens')}, and the model was trained on at most {self.max_length:,}",
                hint="shorten it, or train with a greater max_length",
            )
        return ids
