"""What a prediction costs: the loss of every row, and the scores that are means of it."""

from __future__ import annotations

import numpy as np

#: A probability of 0 costs as much as this one: the smallest step of a float64, as scikit-learn's ``log_loss`` has it.
LEAST = float(np.finfo(np.float64).eps)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities float64 ``[n, k]`` of logits ``[n, k]``."""
    logits = np.asarray(logits, np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def row_losses(targets: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """float64 ``[n]``: minus the log of the true class's probability, or the squared error."""
    if predictions.ndim == 1:
        # An error beyond 1e154 costs infinitely much, which is what its caller goes by.
        with np.errstate(over="ignore"):
            return np.asarray((targets - predictions) ** 2)
    chosen = predictions[np.arange(len(targets)), targets]
    return -np.log(np.clip(chosen, LEAST, 1.0))


def metric_name(classification: bool) -> str:
    """What :func:`score` is called: the lower, the better."""
    return "log_loss" if classification else "rmse"


def score(losses: np.ndarray, classification: bool, axis: int | None = None) -> np.ndarray:
    """The log loss, or the root of the mean squared error, of mean losses or of the losses along ``axis``."""
    mean = losses.mean(axis=axis)
    return mean if classification else np.sqrt(mean)
