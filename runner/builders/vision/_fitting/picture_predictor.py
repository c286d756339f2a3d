"""A stored model of pictures, as both kinds' predictors use it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from runner.builders._finetuning import finetuned_model
from runner.builders.vision._fitting.picture_training import outputs
from runner.builders.vision._pixels.processing import Processing
from runner.data.images.picture_places import Pictures
from runner.tasks._supervised.supervised_predictor import SupervisedPredictor


class PicturePredictor(SupervisedPredictor):
    """The base of them. A subclass says what its outputs are."""

    def __init__(self, model: Any, processing: Processing, document: dict[str, Any], device: str) -> None:
        self.model, self._processing, self._document, self._device = model, processing, document, device
        self._target = str(document["target"])
        self.targets: Any = self._targets()

    @classmethod
    def load(cls, directory: Path, device: str = "cpu", cache: Path | None = None) -> Self:
        """Read a stored model's folder; of an adapter, its base as well."""
        document = finetuned_model.read(directory)
        model = finetuned_model.load(directory, finetuned_model.stored_head(document), device, cache)
        return cls(model, Processing.stored(directory), document, device)

    def _targets(self) -> Any:
        raise NotImplementedError

    def answers(self, logits: np.ndarray) -> dict[str, np.ndarray]:
        """What outputs mean, by target."""
        raise NotImplementedError

    def predict(self, rows: Sequence[Any], options: Any = None, batch_size: int = 32) -> dict[str, np.ndarray]:
        """By target, in the rows' order; rows are pictures that are asked about."""
        if not rows:
            return self._of(_none(), batch_size)
        pictures = rows[0].pictures.take(np.array([row.at for row in rows], np.int64))
        return self._of(pictures, batch_size)

    def predict_part(self, part: Any) -> dict[str, np.ndarray]:
        """The same for one side of a loaded data set."""
        return self._of(part.pictures, 32)

    def _of(self, pictures: Pictures, batch_size: int) -> dict[str, np.ndarray]:
        logits = outputs(self.model, pictures, self._processing, self._device, at_once=batch_size)
        return self.answers(logits)


def _none() -> Pictures:
    empty = np.zeros(0, np.int64)
    return Pictures((), empty, empty, empty, ())
