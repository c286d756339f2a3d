"""A stored model that answers pictures with numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.builders.vision._fitting.number_target import unscaled
from runner.builders.vision._fitting.picture_predictor import PicturePredictor


class Predictor(PicturePredictor):
    """A number, in the target's own unit."""

    def _targets(self) -> Any:
        return (self._target,)

    def answers(self, logits: np.ndarray) -> dict[str, np.ndarray]:
        return unscaled(self._target, logits, float(self._document["mean"]), float(self._document["deviation"]))
