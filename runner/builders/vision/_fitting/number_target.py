"""What is learned of pictures with numbers: the scale, the loss, what is measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from runner.builders._finetuning.supervised_heads import head_settings, number_loss
from runner.contract import Table
from runner.data.images.picture_side import PictureSplit
from runner.errors import DataError
from runner.tasks.regression.baselines import baselines
from runner.tasks.regression.measuring import measure_regression


class NumberTarget:
    """Numbers of pictures of training."""

    def __init__(self, spec: Any, train: PictureSplit) -> None:
        self._spec, self._train = spec, train
        self.name, self._values = next(iter(train.targets.items()))
        self.mean, self.deviation = 0.0, 1.0
        if spec.target_scaling == "standard":
            self.mean, self.deviation = float(self._values.mean()), float(self._values.std())
            if not self.deviation:
                raise DataError(
                    f"every picture of training has the number {self.mean:g}: there is nothing to learn",
                    where="/data/dataset",
                )
        self._scaled = ((self._values - self.mean) / self.deviation).astype(np.float32)
        self.settings = head_settings((self.name,), "regression")

    #: All pictures count alike.
    mass = None

    def loss(self, outputs: Any, rows: np.ndarray) -> torch.Tensor:
        """The sum of some pictures' losses, of scaled numbers."""
        true = torch.from_numpy(self._scaled[rows, None]).to(outputs.logits.device)
        return number_loss(outputs.logits, true, self._spec.loss)

    def answers(self, logits: np.ndarray) -> dict[str, np.ndarray]:
        """Numbers in the target's own unit, float64 ``[n]``."""
        return unscaled(self.name, logits, self.mean, self.deviation)

    def figures(self, answers: dict[str, np.ndarray], held: PictureSplit) -> dict[str, float | None]:
        """What is told of held-out pictures while the model learns."""
        if not len(held):
            return dict.fromkeys(self._spec.measures)
        true = held.targets[self.name]
        error = answers[self.name] - true
        spread = float(((true - true.mean()) ** 2).sum())
        return {
            "rmse": float(np.sqrt((error**2).mean())),
            "mae": float(np.abs(error).mean()),
            "r2": 1 - float((error**2).sum()) / spread if spread else None,
        }

    def measured(
        self, answers: dict[str, np.ndarray], held: PictureSplit, seed: int
    ) -> tuple[dict[str, Any], list[Table]]:
        """The task's metrics and tables."""
        known = self._train.targets
        beside = baselines(known, held.targets, seed=seed, groups=held.groups) if len(held) else None
        return measure_regression(answers, held.targets, seed=seed, groups=held.groups, baselines=beside)

    def worst(self, answers: dict[str, np.ndarray], held: PictureSplit) -> tuple[np.ndarray, dict[str, list[Any]]]:
        """How wrong each held-out picture is, float64 ``[n]``, and columns of what is said of it."""
        said, true = answers[self.name], held.targets[self.name]
        columns = {"true": true.tolist(), "predicted": said.tolist(), "error": (said - true).tolist()}
        return np.abs(said - true), columns

    def document(self) -> dict[str, Any]:
        """What is stored of it."""
        return {"target": self.name, "mean": self.mean, "deviation": self.deviation}


def unscaled(name: str, logits: np.ndarray, mean: float, deviation: float) -> dict[str, np.ndarray]:
    """A model's outputs, ``[n, 1]``, in the target's own unit."""
    return {name: logits[:, 0].astype(np.float64) * deviation + mean}
