"""A stored classifier of pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.builders.vision._fitting.class_target import probabilities
from runner.builders.vision._fitting.picture_predictor import PicturePredictor


class Predictor(PicturePredictor):
    """Probabilities of every class."""

    def _targets(self) -> Any:
        return {self._target: tuple(self._document["classes"])}

    def answers(self, logits: np.ndarray) -> dict[str, np.ndarray]:
        return probabilities(self._target, logits)
