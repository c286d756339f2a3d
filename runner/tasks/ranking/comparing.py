"""The measure of routers side by side: accuracy, log loss, calibration, and the paired difference to the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from runner.data.comparisons import A, Comparisons
from runner.evaluation.asking import Asked
from runner.evaluation.entries import Entry
from runner.evaluation.shared_holdout import Split
from runner.tasks.ranking.measuring import calibrate, evaluate, fit_temperature, winner_margins
from runner.training.bootstrap import resample


def measure(
    entries: Sequence[Entry], asked: Sequence[Asked], temperatures: Sequence[float], rows: Comparisons, seed: int
) -> list[dict[str, Any]]:
    """One row a model, the most accurate first: its metrics with intervals, its calibration, how it was asked.

    ``rows`` are the held-out comparisons that all are measured on; with none decided, nothing is known but the ties.
    ``versus_best`` is the paired difference of accuracies to the first row, over bootstrap samples of the prompts;
    ``tied_with_best`` says that its interval holds 0.
    """
    table, used = [], []
    for entry, answer, temperature in zip(entries, asked, temperatures, strict=True):
        score_a, score_b = answer.of(rows, rows.model_a), answer.of(rows, rows.model_b)
        # As in training: half of the prompts are measured with the temperature of the other half.
        each, _ = calibrate(score_a, score_b, rows, temperature)
        used.append(each[rows.decided])
        metrics, calibration = evaluate(score_a, score_b, rows, each, seed)
        table.append(
            entry.as_dict()
            | metrics
            | {
                "temperature": temperature,
                "reads_prompts": answer.reads_prompts,
                "inference_seconds": answer.seconds,
                "inference_ms_per_1000_pairs": answer.per_thousand,
                "calibration": calibration,
                "leaderboard": entry.manifest.get("tables", {}).get("leaderboard") or [],
            }
        )
    decided = rows.take(rows.decided)
    if not len(decided):
        return table
    right = correct(asked, decided)
    losses = np.stack(
        [_losses(answer, decided, temperature) for answer, temperature in zip(asked, used, strict=True)], axis=1
    )
    rights, lost = resample(right, decided.prompt, seed), resample(losses, decided.prompt, seed)
    # Equally accurate models are in the order of their log losses.
    best = min(range(len(table)), key=lambda at: (-rights.mean[at], lost.mean[at]))
    for at, row in enumerate(table):
        loss, gap = lost.interval(at), rights.difference(at, best)
        row |= {"log_loss_low": loss.low, "log_loss_high": loss.high}
        row |= {"best": at == best, "versus_best": gap.as_dict(), "tied_with_best": gap.holds_zero}
    return sorted(table, key=lambda row: (-row["accuracy"], row["log_loss"]))


def correct(asked: Sequence[Asked], decided: Comparisons) -> np.ndarray:
    """Whether each model ranks the winner strictly first: float64 ``[n, models]``."""
    columns = []
    for answer in asked:
        lead = answer.of(decided, decided.model_a) - answer.of(decided, decided.model_b)
        columns.append(np.where(decided.winner == A, lead, -lead) > 0)
    return np.stack(columns, axis=1).astype(np.float64)


def temperature(entry: Entry, answer: Asked, predictor: Any, split: Split) -> float:
    """The stored model's own temperature; of a kind that stores none, one fitted on the training part."""
    stored = (entry.manifest.get("metrics") or {}).get("temperature")
    if isinstance(stored, int | float) and stored > 0:
        return float(stored)
    from runner.evaluation.asking import ask
    from runner.evaluation.shared_holdout import common

    train, known = common(split.whole.train, [answer.models])
    said = ask(predictor, train, known)
    return fit_temperature(winner_margins(said.of(train, train.model_a), said.of(train, train.model_b), train))


def _losses(answer: Asked, decided: Comparisons, temperature: np.ndarray) -> np.ndarray:
    margin = (answer.of(decided, decided.model_a) - answer.of(decided, decided.model_b)) / temperature
    return np.logaddexp(0.0, np.where(decided.winner == A, -margin, margin))
