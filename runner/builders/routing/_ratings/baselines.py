"""The prompt-agnostic methods on a split, side by side: what a prompt-based router has to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.builders.routing._ratings.bradley_terry import bradley_terry
from runner.builders.routing._ratings.elo import Elo, play
from runner.builders.routing._ratings.elo_order import Order
from runner.builders.routing._ratings.least_squares import least_squares
from runner.builders.routing._ratings.pair_counts import count_pairs
from runner.data.comparisons import Comparisons
from runner.tasks.ranking.calibration import calibrate, fit_temperature, winner_margins
from runner.tasks.ranking.measuring import evaluate

#: Keeps the strengths finite on any data, and moves them by nothing that shows on data of a sensible size.
RIDGE = 0.01
#: Elo goes over the comparisons a few times, and over a million of them once.
ELO_EPOCHS, ELO_STEPS = 3, 1_000_000
COLUMNS = ("accuracy", "accuracy_low", "accuracy_high", "log_loss", "calibration_error")


@dataclass(frozen=True)
class Baseline:
    """What a method says of the held-out comparisons: the scores of both sides, float64 ``[n]``."""

    name: str
    score_a: np.ndarray
    score_b: np.ndarray
    #: The temperature of the training split.
    fitted: float

    def row(self, validation: Comparisons, seed: int) -> dict[str, Any]:
        """``model_type`` and the metrics of ``COLUMNS``, measured as any router is."""
        temperatures, _ = calibrate(self.score_a, self.score_b, validation, self.fitted)
        metrics, _ = evaluate(self.score_a, self.score_b, validation, temperatures, seed)
        return {"model_type": self.name} | {name: metrics[name] for name in COLUMNS}


def baselines(train: Comparisons, validation: Comparisons, seed: int) -> list[dict[str, Any]]:
    """Fit Elo, least squares and Bradley-Terry on ``train``; measure them on ``validation`` as any router is.

    One row a method: ``model_type`` and the metrics of ``COLUMNS``, None where nothing of the validation is decided.
    ``train`` and ``validation`` have the same LLMs; the seed is the one that the router itself is measured with.
    """
    return [each.row(validation, seed) for each in agnostic_baselines(train, validation, seed)]


def agnostic_baselines(train: Comparisons, validation: Comparisons, seed: int) -> list[Baseline]:
    """Elo, least squares and Bradley-Terry, fitted on ``train``."""
    pairs = count_pairs(train)
    fits = {
        "bradley_terry_scoring": bradley_terry(pairs, RIDGE),
        "elo_scoring": _elo(train, seed),
        "least_squares_scoring": least_squares(pairs),
    }
    found = []
    for kind, scores in fits.items():
        fitted = fit_temperature(winner_margins(scores[train.model_a], scores[train.model_b], train))
        found.append(Baseline(kind, scores[validation.model_a], scores[validation.model_b], fitted))
    return found


def _elo(train: Comparisons, seed: int) -> np.ndarray:
    rule, order = Elo(), Order(train, True, seed)
    ratings = np.full(len(train.models), rule.initial_rating)
    for epoch in range(1, min(ELO_EPOCHS, max(1, ELO_STEPS // max(len(train), 1))) + 1):
        play(ratings, order.of_epoch(epoch), rule)
    return ratings - rule.initial_rating
