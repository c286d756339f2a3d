"""The measure of every length kind: the same numbers, in the same way, on the same held-out responses."""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.contract import Table, TrainContext, TrainResult
from runner.statistics.paired_bootstrap import mean_interval, resample
from runner.tasks.against_baselines import against_best
from runner.tasks.length import TASK
from runner.tasks.length.length_rows import LengthRows, LengthScale

#: Groups of equal size that the calibration table is made of.
GROUPS = 10


def point_metrics(predicted: np.ndarray, rows: LengthRows, scale: LengthScale) -> dict[str, float | None]:
    """What predicted tokens, float64 ``[n]``, are worth beside the rows' own; None each where ``n`` is 0.

    ``relative_accuracy`` is the mean of ``1 - |1 - predicted / actual|``: a response of few tokens, predicted long, can
    outweigh many others, and take it below 0. ``mae_tokens`` is the mean of ``|predicted - actual|``. ``mean_ratio``
    and ``std_ratio`` are the mean and the standard deviation of ``predicted / actual``, ``total_ratio`` the sum of
    predictions over the sum of lengths. ``log_r2`` is the share of the variance of log lengths around each LLM's mean
    that is predicted: 0 for the means themselves, which know nothing of the prompt.
    """
    names = ("relative_accuracy", "mae_tokens", "mean_ratio", "std_ratio", "total_ratio", "log_r2")
    if not len(rows):
        return dict.fromkeys(names)
    actual = rows.tokens
    ratio = predicted / actual
    target, error = scale.targets(rows), np.log(ratio) / scale.deviation
    spread = float((target**2).sum())
    values = (
        (1 - np.abs(1 - ratio)).mean(),
        np.abs(predicted - actual).mean(),
        ratio.mean(),
        ratio.std(),
        predicted.sum() / actual.sum(),
        # Rounded, so that the means themselves have 0 and not the last bit of a float.
        round(1 - float((error**2).sum()) / spread, 12) + 0.0 if spread > 0 else 0.0,
    )
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def measure(predicted: np.ndarray, rows: LengthRows, scale: LengthScale, seed: int) -> dict[str, float | None]:
    """:func:`point_metrics` with 95 % bootstrap intervals over prompts for the first two."""
    metrics = point_metrics(predicted, rows, scale)
    each = {
        "relative_accuracy": 1 - np.abs(1 - predicted / rows.tokens),
        "mae_tokens": np.abs(predicted - rows.tokens),
    }
    for name, values in each.items():
        nobody: dict[str, float | None] = {f"{name}_low": None, f"{name}_high": None}
        metrics |= mean_interval(values, rows.prompt, seed).ends(name) if len(rows) else nobody
    return metrics


def conclude(
    context: TrainContext,
    train: LengthRows,
    validation: LengthRows,
    scale: LengthScale,
    predicted: np.ndarray,
    epochs: int | None = None,
    best_epoch: int | None = None,
) -> TrainResult:
    """Measure predictions for the validation rows, tokens float64 ``[len(validation)]``, and tabulate them."""
    if not len(validation):
        context.emit(
            "warning",
            message="the validation split holds no response, so how good the predictions are is unknown",
            pointer="/data/validation_split",
        )
    names = context.data.train.models
    metrics: dict[str, float | int | None] = dict(measure(predicted, validation, scale, context.seed))
    metrics |= {"n_validation": len(validation), "n_models": len(names)}
    tables: dict[str, Any] = {
        "lengths": lengths(names, train, validation, predicted),
        "length_calibration": length_calibration(predicted, validation.tokens),
        "baselines": baselines(validation, scale, context.seed),
    }
    against = _against_best(predicted, validation, scale, context.seed)
    tables |= {table.name: table.as_dict() for table in against}
    return TrainResult(metrics, epochs=epochs, best_epoch=best_epoch, tables=tables)


def baselines(validation: LengthRows, scale: LengthScale, seed: int) -> list[dict[str, Any]]:
    """What is predicted without reading the prompt: each LLM's mean (of log tokens), and one mean for all."""
    if not len(validation):
        return []
    said = _unread(validation, scale)
    return [{"model_type": name} | measure(predicted, validation, scale, seed) for name, predicted in said.items()]


def _unread(rows: LengthRows, scale: LengthScale) -> dict[str, np.ndarray]:
    """Tokens that are predicted without the prompt, float64 ``[n]``."""
    everyone = np.full(len(rows), np.exp(scale.overall))
    return {"mean of each LLM": scale.tokens(0.0, rows.model), "one mean for all": everyone}


def _against_best(predicted: np.ndarray, rows: LengthRows, scale: LengthScale, seed: int) -> list[Table]:
    """Whether the relative accuracy is above the best of those; no table without a response."""
    if not len(rows):
        return []
    said = {"own": predicted} | _unread(rows, scale)
    own, *others = (
        resample(1 - np.abs(1 - tokens / rows.tokens)[:, None], rows.prompt, seed) for tokens in said.values()
    )
    return against_best(TASK, own, dict(zip(list(said)[1:], others, strict=True)), share=False)


def lengths(
    names: tuple[str, ...], train: LengthRows, validation: LengthRows, predicted: np.ndarray
) -> list[dict[str, Any]]:
    """One row per LLM, the longest-winded first: mean tokens in training, and held-out lengths beside predictions."""
    size = len(names)
    seen = np.bincount(train.model, minlength=size)
    usual = np.bincount(train.model, weights=train.tokens, minlength=size) / np.maximum(seen, 1)
    count = np.bincount(validation.model, minlength=size)
    columns = {
        "mean_actual": validation.tokens,
        "mean_predicted": predicted,
        "mae_tokens": np.abs(predicted - validation.tokens),
        "relative_accuracy": 1 - np.abs(1 - predicted / validation.tokens),
    }
    means = {
        name: np.bincount(validation.model, weights=values, minlength=size) / np.maximum(count, 1)
        for name, values in columns.items()
    }
    rows = [
        {
            "model": names[number],
            "training_responses": int(seen[number]),
            "training_mean": float(usual[number]) if seen[number] else None,
            "responses": int(count[number]),
        }
        | {name: float(values[number]) if count[number] else None for name, values in means.items()}
        for number in range(size)
    ]
    return sorted(rows, key=lambda row: (-(row["training_mean"] or 0.0), row["model"]))


def length_calibration(predicted: np.ndarray, actual: np.ndarray) -> list[dict[str, Any]]:
    """Responses in ten groups of equal size by predicted length: what was predicted, and how long they were.

    ``predicted`` and ``actual`` are the group's medians, as predictions are; ``actual_low`` and ``actual_high`` the
    quartiles of the actual lengths. Fewer responses than groups give one group each.
    """
    order = np.argsort(predicted, kind="stable")
    table = []
    for group in np.array_split(order, min(GROUPS, len(order))) if len(order) else []:
        low, middle, high = np.percentile(actual[group], [25, 50, 75])
        table.append(
            {
                "low": float(predicted[group].min()),
                "high": float(predicted[group].max()),
                "predicted": float(np.median(predicted[group])),
                "actual": float(middle),
                "actual_low": float(low),
                "actual_high": float(high),
                "mean_predicted": float(predicted[group].mean()),
                "mean_actual": float(actual[group].mean()),
                "count": len(group),
            }
        )
    return table
