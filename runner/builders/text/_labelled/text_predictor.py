"""A stored model that reads texts and answers with classes, labels or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from runner.builders._finetuning import finetuned_model
from runner.builders._finetuning.finetuned_model import stored_head
from runner.builders.text._labelled.encoded_texts import encode
from runner.builders.text._labelled.target_heads import Targets
from runner.builders.text._labelled.text_training import head_outputs
from runner.contract.quantities import counted
from runner.data.column_names import need
from runner.data.labelled_texts.columns import TEXTS, as_text
from runner.data.labelled_texts.labelled_side import LabelledSide
from runner.errors import DataError, IntegrityError
from runner.tasks._supervised.supervised_predictor import SupervisedPredictor
from runner.training.pretrained_tokenizer import read_tokenizer


class TextPredictor(SupervisedPredictor):
    """Probabilities of every class of every target, or numbers."""

    def __init__(self, model: Any, tokenizer: Any, document: dict[str, Any], device: str) -> None:
        self._model, self._tokenizer, self._device = model, tokenizer, device
        self._targets = Targets.read(document)
        self._columns: list[str] = list(document["text_columns"])
        self._document = document
        self.targets = dict(self._targets.classes) if not self._targets.scales else tuple(self._targets.scales)
        self.thresholds = {name: float(value) for name, value in document.get("thresholds", {}).items()}
        self._cut = 0

    @classmethod
    def load(cls, directory: Path, device: str = "cpu", cache: Path | None = None) -> Self:
        """Read what training wrote. Raises :class:`IntegrityError` for anything else."""
        document = finetuned_model.read(directory)
        try:
            head = stored_head(document)
            model = finetuned_model.load(directory, head, device, cache)
            return cls(model, read_tokenizer(directory, str(directory)), document, device)
        except (KeyError, TypeError, ValueError) as error:
            raise IntegrityError(f"the stored model cannot be read: {error!r}", where=str(directory)) from error

    def predict(self, rows: Sequence[Any], options: Any = None, batch_size: int = 64) -> dict[str, np.ndarray]:
        """By target, in the rows' order: probabilities float64 ``[n, classes]``, or numbers float64 ``[n]``.

        Raises :class:`DataError` for a row without a text.
        """
        return self._answers([self._texts(row) for row in rows], batch_size)

    def predict_part(self, part: LabelledSide) -> dict[str, np.ndarray]:
        """The same for one side of a loaded data set."""
        return self._answers(part.texts, 64)

    def _answers(self, texts: Sequence[tuple[str, ...]], batch_size: int) -> dict[str, np.ndarray]:
        paired = bool(self._document["paired"])
        tokens = encode(
            self._tokenizer,
            texts,
            paired=paired,
            max_length=int(self._document["max_length"]),
            told_kinds=bool(self._document["told_kinds"]) and paired,
        )
        self._cut += len(tokens.cut)
        width = len(self._targets.names)
        found = head_outputs(self._model, tokens, width, self._device, rows_at_most=max(1, batch_size))
        return self._targets.answers(found)

    def _texts(self, row: Any) -> tuple[str, ...]:
        names = self._columns
        if len(names) == 1 and names[0] not in row.values:
            # A text alone, or a column by another usual name.
            other = next((name for name in TEXTS if name in row.values), None)
            names = [other] if other is not None else names
        need(list(row.values), names, row.where, "the model was trained with")
        texts = tuple(as_text(row.values[name]) for name in names)
        if not any(texts):
            raise DataError("there is no text in it", where=row.where, hint="every row that is asked about is answered")
        return texts

    def provenance(self) -> dict[str, Any]:
        """How many of the rows so far were cut."""
        return {"rows_cut": self._cut}

    def closing(self) -> list[str]:
        """The same in a sentence."""
        if not self._cut:
            return []
        return [
            f"{counted(self._cut, 'rows')} longer than {self._document['max_length']:,} tokens: their ends are not read"
        ]
