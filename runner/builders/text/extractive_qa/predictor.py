"""The stored model that finds answers in texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.builders._finetuning import finetuned_model
from runner.builders.text._windows.question_windows import Sizes, windows
from runner.builders.text._windows.window_answers import answers
from runner.tasks.spans.answers import kept
from runner.tasks.spans.best_spans import Found
from runner.training.pretrained_tokenizer import read_tokenizer


class Predictor:
    """Reads questions and contexts in windows."""

    def __init__(self, model: Any, tokenizer: Any, sizes: Sizes, device: str) -> None:
        self._model, self._tokenizer, self._sizes, self._device = model, tokenizer, sizes, device

    @classmethod
    def load(cls, directory: Path, device: str = "cpu", cache: Path | None = None) -> Predictor:
        document = finetuned_model.read(directory)
        model = finetuned_model.load(directory, finetuned_model.stored_head(document), device, cache)
        return cls(model, read_tokenizer(directory, "the stored model"), Sizes.read(document), device)

    def predict(self, rows: Sequence[Any], options: Any, batch_size: int) -> list[Found]:
        """The best answers of every question, which has ``question`` and ``context``, and the score of none."""
        found, _ = answers(
            self._model,
            windows(rows, self._tokenizer, self._sizes),
            rows,
            longest=options.max_answer_length or self._sizes.answer,
            device=self._device,
            kept=kept(options),
            at_once=batch_size,
        )
        return found
