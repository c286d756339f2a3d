"""What the prompt-agnostic kinds share: one score per LLM, how it is measured, told, stored and read back."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from runner.builders.routing._ratings.agnostic_predictor import MODEL, SCORES, AgnosticPredictor
from runner.builders.routing._ratings.pair_counts import count_records
from runner.contract import TrainContext, TrainResult
from runner.data.comparisons import Comparisons
from runner.tasks.ranking.calibration import calibrate, fit_temperature, winner_margins
from runner.tasks.ranking.measuring import evaluate
from runner.tasks.ranking.training_verdict import training_verdict

#: Bootstrap samples behind the leaderboard's intervals, where the spec does not say.
DRAWS = 100


def save(directory: Path, names: Sequence[str], scores: np.ndarray, temperature: float) -> None:
    """Write the artifact: scores float64 ``[len(names)]`` as safetensors, the names and the temperature as JSON."""
    save_file({"scores": np.ascontiguousarray(scores, np.float64)}, directory / SCORES)
    document = {"format": 1, "models": list(names), "temperature": temperature}
    (directory / MODEL).write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def start_scores(context: TrainContext, names: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """The LLMs to score and where their scores start, float64: those of the data first, 0 without a stored model.

    With one, an LLM goes on from its stored score, and one that only the stored model knows keeps its own: it comes
    after the data's.
    """
    if context.start_from is None:
        return tuple(names), np.zeros(len(names))
    stored = AgnosticPredictor.load(context.start_from)
    known = dict(zip(stored.names, stored.scores.tolist(), strict=True))
    everyone = (*names, *(name for name in stored.names if name not in set(names)))
    return everyone, np.array([known.get(name, 0.0) for name in everyone], np.float64)


def warn_start_ignored(context: TrainContext, kind: str) -> None:
    """Say that a closed form is computed from the data alone, whatever it starts from."""
    if context.start_from is not None:
        context.emit(
            "warning",
            message=f"{kind} is computed from the data alone: start_state gives its spec, not its scores",
            pointer="/model/start_state",
        )


def tell_ranking(names: Sequence[str], scores: np.ndarray) -> None:
    """Write the ranking to standard error, which a run keeps as its log."""
    width = max(len(name) for name in names)
    for place, number in enumerate(np.argsort(-scores, kind="stable"), start=1):
        print(f"{place:>4}  {names[number]:<{width}}  {scores[number]:+z.4f}", file=sys.stderr)


def conclude(
    context: TrainContext,
    names: Sequence[str],
    scores: np.ndarray,
    redrawn: np.ndarray,
    *,
    metrics: dict[str, float | int | None] | None = None,
    columns: Callable[[int], dict[str, Any]] = lambda number: {},
    epochs: int | None = None,
    best_epoch: int | None = None,
) -> TrainResult:
    """Measure, store and tabulate scores: float64 ``[len(names)]``, of which the data's LLMs are the first.

    ``redrawn`` is float64 ``[draws, n_models]``, the scores of bootstrap samples (with none, the intervals are
    ``columns``' matter). ``metrics`` are the kind's own, ``columns(number)`` what it adds to an LLM's row.
    """
    train, validation = context.data.train, context.data.validation
    fitted = fit_temperature(winner_margins(scores[train.model_a], scores[train.model_b], train))
    score_a, score_b = scores[validation.model_a], scores[validation.model_b]
    temperatures, temperature = calibrate(score_a, score_b, validation, fitted)
    measured, calibration = evaluate(score_a, score_b, validation, temperatures, context.seed, context.emit)
    measured |= {"temperature": temperature, "n_models": len(train.models)} | (metrics or {})
    save(context.artifact, names, scores, temperature)
    tables = {"leaderboard": leaderboard(train, scores, redrawn, columns), "calibration": calibration}
    # What it says of an LLM is the same for every prompt.
    everywhere = np.tile(scores[: len(train.models), None], len(np.unique(validation.prompt)))
    told, more = training_verdict(train, validation, everywhere, temperature, context.seed)
    measured |= told
    tables |= more
    return TrainResult(measured, epochs=epochs, best_epoch=best_epoch, tables=tables)


def leaderboard(
    train: Comparisons,
    scores: np.ndarray,
    redrawn: np.ndarray,
    columns: Callable[[int], dict[str, Any]] = lambda number: {},
) -> list[dict[str, Any]]:
    """One row per LLM of the training data, best first: score, its 95 % interval, and its record there."""
    records = count_records(train)
    n_models = len(train.models)
    low = high = [None] * n_models
    if len(redrawn):
        low, high = np.percentile(redrawn[:, :n_models], [2.5, 97.5], axis=0).tolist()
    rows = [
        {
            "model": train.models[number],
            "score": float(scores[number]),
            "low": low[number],
            "high": high[number],
            "comparisons": int(records.comparisons[number]),
            "wins": int(records.wins[number]),
            "losses": int(records.losses[number]),
            "ties": int(records.ties[number]),
        }
        | columns(number)
        for number in range(n_models)
    ]
    return sorted(rows, key=lambda row: (-row["score"], row["model"]))
