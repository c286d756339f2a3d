"""Gradient boosting with losses of our own: one tree a round, the best round kept, resumable to the bit.

Source of the trees: XGBoost (Chen and Guestrin, 2016), histogram method.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb

from runner.builders.routing._boosting.boosting_inputs import MISSING
from runner.builders.routing._fields.boosting_fields import BoostingSpec
from runner.contract import TrainContext
from runner.tasks.ranking.balancing import pair_weights
from runner.training.threads import wanted_threads
from runner.training.throttling import Every

#: Margin of the ranking loss. Trees' scores have no scale of their own: 1 is as good a unit as any, and with it
#: ``reg_lambda`` and the curvature below count in rows.
MARGIN = 1.0
#: Seconds between two checkpoints: a round may take milliseconds.
CHECKPOINT_SECONDS = 2.0

#: Scores, float ``[rows]`` -> the summed loss, and by row its gradient and its curvature.
Objective = Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]]


def pairwise(kind: str, winner: np.ndarray, loser: np.ndarray, rows: int, weights: np.ndarray) -> Objective:
    """The loss of comparisons whose two sides are among ``rows`` rows: int ``[n]`` each, and float ``[n]`` weights.

    With ``d`` the winner's score less the loser's: ``bradley_terry`` is ``-log sigmoid(d)``, with its own curvature
    ``p (1 - p)``; ``margin_ranking`` is ``max(0, 1 - d)``, whose curvature is 0, so each row takes 1 instead: a bound
    on a leaf's step, which then is the mean of its rows' gradients, rows that are right included.
    """

    def objective(scores: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        lead = scores[winner].astype(np.float64) - scores[loser]
        if kind == "margin_ranking":
            loss = np.maximum(0.0, MARGIN - lead)
            slope, curvature = (lead < MARGIN).astype(np.float64), np.ones(len(lead))
        else:
            loss = np.logaddexp(0.0, -lead)
            slope = np.exp(-np.logaddexp(0.0, lead))
            curvature = slope * (1 - slope)
        slope, curvature = weights * slope, weights * curvature
        gradient = np.bincount(loser, slope, rows) - np.bincount(winner, slope, rows)
        hessian = np.bincount(winner, curvature, rows) + np.bincount(loser, curvature, rows)
        return float(weights @ loss), gradient, hessian

    return objective


def squared(targets: np.ndarray) -> Objective:
    """Half the squared error of every row: gradient ``score - target``, curvature 1."""

    def objective(scores: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        error = scores.astype(np.float64) - targets
        return float(error @ error) / 2, error, np.ones(len(error))

    return objective


def balance(model_a: np.ndarray, model_b: np.ndarray, balanced: bool) -> np.ndarray:
    """The weight of every comparison, float64 ``[n]`` of mean 1: all alike, or in favour of the rarer LLMs."""
    if not balanced:
        return np.ones(len(model_a))
    weights = pair_weights(model_a, model_b)
    return weights / weights.mean()


@dataclass
class Rows:
    """A split's rows: bins, uint8 ``[n, columns]``, and the scores that boosting starts from, float32 ``[n]``."""

    table: np.ndarray
    start: np.ndarray


@dataclass
class Boosted:
    """How the training went: the trees up to the best round, and how many rounds there were."""

    booster: xgb.Booster
    rounds: int
    best_round: int


def fit(
    spec: BoostingSpec,
    context: TrainContext,
    train: Rows,
    validation: Rows,
    objective: Objective,
    n_losses: int,
    measure: Callable[[np.ndarray], Mapping[str, float | None]],
    criterion: str,
    start: xgb.Booster | None = None,
) -> Boosted:
    """Grow ``context.epochs`` trees, on top of ``start``'s, or go on from the newest checkpoint.

    ``objective`` sees the training rows' scores, ``measure`` the validation rows'; the greatest ``criterion`` is the
    best round, the last one where there is none. ``n_losses`` is what the summed loss is divided by, to be told.
    Raises :class:`Stopped` after saving a checkpoint when the run was asked to stop.
    """
    parameters = settings(spec, context.device)
    matrix = _matrix(train.table, parameters)
    held = _matrix(validation.table, parameters, matrix) if len(validation.table) else None
    booster = xgb.Booster(parameters, [matrix])
    stored = 0
    if start is not None:
        booster.load_model(start.save_raw("ubj"))
        stored = booster.num_boosted_rounds()
    state: dict[str, Any] = {"round": 0, "best": None, "best_round": 0}
    checkpoint = context.checkpoints.latest()
    if checkpoint is not None:
        state = dict(checkpoint.state)
        booster.load_model(bytearray(checkpoint.tensors["booster"].tobytes()))
        scores, held_scores = np.array(checkpoint.tensors["scores"]), np.array(checkpoint.tensors["held"])
        context.emit("resumed", step=checkpoint.step, epoch=state["round"] + 1, batch=0)
    else:
        # Without stored trees this adds 0, and the booster gets to know its columns.
        scores = train.start + _predict(booster, matrix, 0, stored)
        held_scores = validation.start if held is None else validation.start + _predict(booster, held, 0, stored)

    def snapshot() -> tuple[int, dict[str, np.ndarray], dict[str, Any]]:
        raw = np.frombuffer(bytes(booster.save_raw("ubj")), np.uint8)
        return state["round"], {"booster": raw, "scores": scores, "held": held_scores}, state

    due = Every(CHECKPOINT_SECONDS)
    while state["round"] < context.epochs:
        if context.stop_requested():
            context.stop_here(*snapshot())
        at = stored + state["round"]
        if spec.colsample_bytree < 1 or spec.colsample_bylevel < 1:
            booster = _reseeded(booster, parameters, matrix, context.seed, at)
        loss, gradient, hessian = objective(scores)
        booster.boost(matrix, at, grad=gradient.astype(np.float32), hess=hessian.astype(np.float32))
        scores = scores + _predict(booster, matrix, at, at + 1)
        if held is not None:
            held_scores = held_scores + _predict(booster, held, at, at + 1)
        measured = dict(measure(held_scores))
        state["round"] += 1
        value = measured.get(criterion)
        improved = value is None or state["best"] is None or value > state["best"]
        if improved:
            state |= {"best": value, "best_round": state["round"]}
        metrics = {"train_loss": loss / max(1, n_losses)} | measured | {"trees": at + 1}
        context.emit("epoch", epoch=state["round"], epochs=context.epochs, metrics=metrics, best=improved)
        if due.due() or state["round"] == context.epochs:
            context.checkpoints.save(*snapshot())
    best = booster if state["best_round"] == state["round"] else booster[: stored + state["best_round"]]
    return Boosted(best, state["round"], state["best_round"])


def settings(spec: BoostingSpec, device: str) -> dict[str, Any]:
    """The library's parameters. ``base_score`` 0: where boosting starts is the rows' own matter."""
    return {
        "tree_method": "hist",
        "device": device,
        "nthread": wanted_threads() or os.cpu_count() or 1,
        "max_bin": MISSING + 1,
        "max_depth": spec.max_depth,
        "eta": spec.learning_rate,
        "colsample_bytree": spec.colsample_bytree,
        "colsample_bylevel": spec.colsample_bylevel,
        "alpha": spec.reg_alpha,
        "lambda": spec.reg_lambda,
        "base_score": 0.0,
        "verbosity": 0,
    }


def _matrix(table: np.ndarray, parameters: Mapping[str, Any], reference: xgb.DMatrix | None = None) -> xgb.DMatrix:
    return xgb.QuantileDMatrix(
        table, missing=MISSING, max_bin=parameters["max_bin"], nthread=parameters["nthread"], ref=reference
    )


def _predict(booster: xgb.Booster, matrix: xgb.DMatrix, first: int, last: int) -> np.ndarray:
    """What trees ``first`` to ``last`` add to every row, float32. Tree by tree, a sum is the same after a resume."""
    return booster.predict(matrix, output_margin=True, iteration_range=(first, last))


def _reseeded(
    booster: xgb.Booster, parameters: Mapping[str, Any], matrix: xgb.DMatrix, seed: int, at: int
) -> xgb.Booster:
    """The same trees in a new booster: which columns a tree may use is drawn from (seed, round) and nothing else.

    A booster draws them from a generator that lives as long as it does, whatever ``seed`` is set to later.
    """
    own = int(np.random.SeedSequence([seed, at]).generate_state(1)[0] >> 1)
    fresh = xgb.Booster({**parameters, "seed": own}, [matrix])
    if at:
        fresh.load_model(booster.save_raw("ubj"))
    return fresh


def predict_rows(booster: xgb.Booster, table: np.ndarray) -> np.ndarray:
    """The trees' sums for rows of bins, uint8 ``[n, columns]``: float32 ``[n]``."""
    return booster.inplace_predict(table, missing=MISSING, predict_type="margin")
