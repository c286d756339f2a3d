"""What is learned of a text: the head for it, its loss, and the head's outputs as answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from runner.builders._finetuning.heads import Head
from runner.builders._finetuning.supervised_heads import Problem, balanced, head_settings, named_weights, odds
from runner.data.labelled_texts.labelled_side import LabelledSide

TABLE = "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES"


@dataclass(frozen=True)
class Targets:
    """Classes of one target, labels of which a row may have several, or numbers; JSON-able by :meth:`document`."""

    #: Target -> its classes, or none for a number.
    classes: Mapping[str, Sequence[str]]
    many: bool
    #: Of each number its mean and deviation in training.
    scales: Mapping[str, tuple[float, float]]

    @classmethod
    def of(cls, train: LabelledSide) -> Targets:
        """Of the rows of training."""
        if any(train.classes.values()):
            return cls(train.classes, train.many, {})
        scales = {}
        for name, values in train.targets.items():
            # Divided first: a sum of large numbers overflows.
            mean = float((values / len(values)).sum())
            deviation = float(np.sqrt(((values - mean) ** 2 / len(values)).sum()))
            scales[name] = (mean, deviation if np.isfinite(deviation) and deviation > 0 else 1.0)
        return cls(train.classes, False, scales)

    def document(self) -> dict[str, Any]:
        """What a stored model keeps."""
        return {
            "targets": {name: list(own) for name, own in self.classes.items()},
            "many_labels": self.many,
            "scales": {name: list(scale) for name, scale in self.scales.items()},
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Targets:
        """The inverse."""
        return cls(
            {name: tuple(own) for name, own in document["targets"].items()},
            bool(document["many_labels"]),
            {name: (float(mean), float(deviation)) for name, (mean, deviation) in document["scales"].items()},
        )

    @property
    def names(self) -> list[str]:
        """What each output of the head is of."""
        if self.scales or self.many:
            return list(self.classes)
        return list(next(iter(self.classes.values())))

    def head(self, padding: int) -> Head:
        """A linear layer with an output a class, a label or a number."""
        labels: Problem = "multi_label_classification" if self.many else "single_label_classification"
        settings = {
            **head_settings(self.names, "regression" if self.scales else labels),
            "pad_token_id": padding,
        }
        return Head(
            "AutoModelForSequenceClassification",
            TABLE,
            "SEQ_CLS",
            what="trained on texts",
            hint="name a text encoder, such as sentence-transformers/all-MiniLM-L6-v2",
            settings=settings,
        )

    def answers(self, outputs: np.ndarray) -> dict[str, np.ndarray]:
        """By target: probabilities float64 ``[n, classes]``, or numbers ``[n]``, of ``[n, outputs]``."""
        if self.scales:
            return {
                name: outputs[:, at] * deviation + mean
                for at, (name, (mean, deviation)) in enumerate(self.scales.items())
            }
        if self.many:
            yes = 1 / (1 + np.exp(-np.clip(outputs, -700, 700)))
            return {name: np.stack([1 - yes[:, at], yes[:, at]], axis=1) for at, name in enumerate(self.classes)}
        return {next(iter(self.classes)): odds(outputs)}

    def matrix(self, side: LabelledSide) -> np.ndarray:
        """What is learned: int64 ``[n, 1]`` of classes, float64 ``[n, outputs]`` of labels and of numbers, scaled."""
        if self.scales:
            columns = [(side.targets[name] - mean) / deviation for name, (mean, deviation) in self.scales.items()]
            return np.stack(columns, axis=1)
        kind = np.float64 if self.many else np.int64
        return np.stack([side.targets[name] for name in self.classes], axis=1).astype(kind)


def label_loss(logits: torch.Tensor, wanted: torch.Tensor, weights: torch.Tensor, smoothing: float) -> torch.Tensor:
    """The sum over rows of the mean over labels: ``[B, L]`` twice, and the weight of a label that is there ``[L]``."""
    smoothed = wanted * (1 - smoothing) + smoothing / 2
    losses = functional.binary_cross_entropy_with_logits(logits.float(), smoothed, pos_weight=weights, reduction="none")
    return losses.mean(dim=1).sum()


def class_weights(setting: Any, targets: Targets, side: LabelledSide) -> np.ndarray:
    """The weight of each class, or of each label that is there: float64 ``[outputs]``. Raises :class:`DataError` for a
    class that there is none of."""
    names = targets.names
    if setting == "none":
        return np.ones(len(names))
    if setting == "balanced":
        if targets.many:
            counts = np.array([side.targets[name].sum() for name in names], np.float64)
            return (len(side) - counts).clip(1) / counts.clip(1)
        return balanced(next(iter(side.targets.values())), len(names))
    return named_weights(setting, names, sorted(names))
