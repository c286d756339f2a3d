"""A stored classifier of pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.builders._finetuning.supervised_heads import odds
from runner.builders.vision._fitting.picture_predictor import PicturePredictor


class Predictor(PicturePredictor):
    """Probabilities of every class."""

    def _targets(self) -> Any:
        return {self._target: tuple(self._document["classes"])}

    def answers(self, logits: np.ndarray) -> dict[str, np.ndarray]:
        return {self._target: odds(logits)}
