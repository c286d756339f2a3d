"""A head that tells classes or numbers, whatever the rows are: its settings, the weights of classes, its losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch.nn import functional

from runner.errors import DataError

#: What transformers calls what a head is trained for.
Problem = Literal["single_label_classification", "multi_label_classification", "regression"]
#: What a step away from a number costs, by the words of specs.
AWAY: Mapping[str, Any] = {
    "mse": functional.mse_loss,
    "squared": functional.mse_loss,
    "l1": functional.l1_loss,
    "absolute": functional.l1_loss,
    "huber": functional.huber_loss,
}


def head_settings(names: Sequence[str], problem: Problem) -> dict[str, Any]:
    """What a model's configuration says of a head with an output for each name."""
    return {
        "num_labels": len(names),
        "id2label": dict(enumerate(names)),
        "label2id": {name: at for at, name in enumerate(names)},
        "problem_type": problem,
    }


def balanced(codes: np.ndarray, classes: int) -> np.ndarray:
    """The weights under which every class counts the same, float64 ``[classes]``, of rows' codes int64 ``[n]``."""
    return len(codes) / (classes * np.bincount(codes, minlength=classes).clip(1).astype(np.float64))


def named_weights(setting: Mapping[str, float], names: Sequence[str], offered: Sequence[str]) -> np.ndarray:
    """The weights that a spec names, 1 for the others: float64 ``[names]``. ``offered``: as a hint shows them.

    Raises :class:`DataError` for a class that there is none of.
    """
    unknown = [name for name in setting if name not in names]
    if unknown:
        raise DataError(
            f"there is no class {', '.join(map(repr, unknown))} in training",
            where="/model/spec/class_weights",
            hint=f"there are: {', '.join(map(repr, offered[:20]))}",
        )
    return np.array([setting.get(name, 1.0) for name in names], np.float64)


def class_loss(logits: torch.Tensor, classes: torch.Tensor, weights: torch.Tensor, smoothing: float) -> torch.Tensor:
    """The sum of the rows' cross-entropies, each weighed by its own class: ``[B, C]``, int64 ``[B]``, ``[C]``.

    PyTorch's own ``weight`` would weigh what smoothing gives to the other classes by theirs.
    """
    losses = functional.cross_entropy(logits.float(), classes, reduction="none", label_smoothing=smoothing)
    return (losses * weights.to(losses)[classes]).sum()


def number_loss(logits: torch.Tensor, wanted: torch.Tensor, loss: str) -> torch.Tensor:
    """The sum over rows of the mean over targets, ``[B, T]`` twice; ``loss`` is one of :data:`AWAY`."""
    found: torch.Tensor = AWAY[loss](logits.float(), wanted, reduction="none").mean(dim=1).sum()
    return found


def odds(logits: np.ndarray) -> np.ndarray:
    """The softmax of logits, float64 ``[n, classes]``."""
    wide = logits.astype(np.float64)
    shifted = np.exp(wide - wide.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
