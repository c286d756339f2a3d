"""A stored tagger."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from runner.builders._finetuning import finetuned_model
from runner.builders._finetuning.finetuned_model import stored_head
from runner.builders.text.token_classification.stored import tokenizer_of, word_odds
from runner.builders.text.token_classification.windows import windows_of
from runner.data.tagged_tokens.tagged_row import labels_of
from runner.tasks.token_labels.answers import TokenOdds


class Predictor:
    """Tags the words of texts."""

    def __init__(self, model: Any, tokenizer: Any, document: dict[str, Any], device: str) -> None:
        self._model, self._tokenizer, self._device = model, tokenizer, device
        self._max_length, self._stride = int(document["max_length"]), int(document["stride"])
        self.labels = labels_of(tuple(document["types"]))

    @classmethod
    def load(cls, directory: Path, device: str = "cpu", cache: Path | None = None) -> Predictor:
        """Read what training wrote. Raises :class:`~runner.errors.IntegrityError` for anything else."""
        document = finetuned_model.read(directory)
        model = finetuned_model.load(directory, stored_head(document), device, cache)
        return cls(model, tokenizer_of(directory), document, device)

    def predict(self, rows: Sequence[Any], options: Any = None, batch_size: int = 64) -> list[TokenOdds]:
        """Of each text its words' places and the probabilities of their labels."""
        odds = self._odds([row.tokens for row in rows], batch_size)
        return [TokenOdds(row.text, row.spans, own) for row, own in zip(rows, odds, strict=True)]

    def predict_part(self, part: Any) -> list[np.ndarray]:
        """The probabilities of one side of a split: float64 ``[words, labels]`` each."""
        return self._odds([row.tokens for row in part.rows])

    def _odds(self, texts: Sequence[Sequence[str]], batch_size: int | None = None) -> list[np.ndarray]:
        windows = windows_of(self._tokenizer, texts, self._max_length, self._stride)
        padding = self._tokenizer.pad_token_id or 0
        return word_odds(self._model, windows, texts, padding, self._device, batch_size)
