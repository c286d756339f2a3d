"""What is learned of pictures of classes: the loss, its weights, what is measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from runner.builders._finetuning.supervised_heads import balanced, class_loss, head_settings, named_weights, odds
from runner.builders.vision._fitting.nearest_mean import NAME, nearest_mean
from runner.contract import Table
from runner.data.images.picture_side import PictureSplit
from runner.tasks.classification.baselines import baselines
from runner.tasks.classification.measuring import judge, measure_classification
from runner.tasks.classification.point_metrics import point_metrics


class ClassTarget:
    """Classes of pictures of training."""

    def __init__(self, spec: Any, train: PictureSplit) -> None:
        self._spec, self._train = spec, train
        self.name, self._codes = next(iter(train.targets.items()))
        self.classes = train.classes[self.name]
        self.settings = head_settings(self.classes, "single_label_classification")
        self._weights = self._class_weights()

    def _class_weights(self) -> np.ndarray | None:
        """float64 ``[classes]``; None where all count alike."""
        weights = self._spec.class_weights
        if weights == "none":
            return None
        if weights == "balanced":
            return balanced(self._codes, len(self.classes))
        return named_weights(weights, self.classes, self.classes)

    @property
    def mass(self) -> np.ndarray | None:
        """What each picture counts: float64 ``[n]``."""
        return None if self._weights is None else self._weights[self._codes]

    def loss(self, outputs: Any, rows: np.ndarray) -> torch.Tensor:
        """The sum of the weighed cross entropies of some pictures."""
        codes = torch.from_numpy(self._codes[rows]).to(outputs.logits.device)
        weights = np.ones(len(self.classes)) if self._weights is None else self._weights
        return class_loss(outputs.logits, codes, torch.from_numpy(weights), self._spec.label_smoothing)

    def answers(self, logits: np.ndarray) -> dict[str, np.ndarray]:
        """Probabilities, float64 ``[n, classes]``."""
        return {self.name: odds(logits)}

    def figures(self, answers: dict[str, np.ndarray], held: PictureSplit) -> dict[str, float | None]:
        """What is told of held-out pictures while the model learns."""
        if not len(held):
            return dict.fromkeys(self._spec.measures)
        (judged,) = judge(answers, held.targets, None)
        found = point_metrics(judged)
        return {name: found[name] for name in self._spec.measures}

    def measured(
        self, answers: dict[str, np.ndarray], held: PictureSplit, seed: int
    ) -> tuple[dict[str, Any], list[Table]]:
        """The task's metrics and tables."""
        beside = None
        if len(held):
            known, more = self._train.targets, {NAME: nearest_mean(self._train, held, seed)}
            beside = baselines(held.classes, known, held.targets, seed=seed, groups=held.groups, more=more)
        return measure_classification(
            held.classes, answers, held.targets, seed=seed, groups=held.groups, baselines=beside
        )

    def worst(self, answers: dict[str, np.ndarray], held: PictureSplit) -> tuple[np.ndarray, dict[str, list[Any]]]:
        """How wrong each held-out picture is, float64 ``[n]``, and columns of what is said of it."""
        said, codes = answers[self.name], held.targets[self.name]
        known = np.where(codes >= 0, said[np.arange(len(codes)), np.maximum(codes, 0)], 0.0)
        predicted = said.argmax(axis=1)
        error = np.where(predicted == codes, 0.0, 1.0 + said.max(axis=1) - known)
        true = [self.classes[code] if code >= 0 else "(unseen in training)" for code in codes.tolist()]
        columns = {
            "true": true,
            "predicted": [self.classes[at] for at in predicted.tolist()],
            "its probability": said.max(axis=1).tolist(),
            "that of the true": known.tolist(),
        }
        return error, columns

    def document(self) -> dict[str, Any]:
        """What is stored of it."""
        return {"target": self.name, "classes": list(self.classes)}
