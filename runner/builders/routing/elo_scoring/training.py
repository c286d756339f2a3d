"""Elo ratings, epoch by epoch."""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.builders.routing._ratings.agnostic import DRAWS, conclude, start_scores
from runner.builders.routing._ratings.elo import COMPILED_FROM, Elo, play, redrawn_ratings, work
from runner.builders.routing._ratings.elo_order import Order
from runner.builders.routing.elo_scoring import Spec
from runner.contract import TrainContext, TrainResult
from runner.tasks.ranking.measuring import pairwise_accuracy
from runner.training.pace import Every

#: Comparisons between two looks at the stop signal, and between two progress events.
CHUNK = 100_000


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Play every epoch, redraw, measure, store. The last epoch's ratings are kept: Elo has no better one.

    A score is ``rating - initial_rating``. Every epoch's order comes from the seed and the epoch's number alone, so
    a resumed run ends with the very ratings of one that was not interrupted.
    """
    comparisons, validation = context.data.train, context.data.validation
    rule = Elo(spec.initial_rating, spec.k_factor, spec.tie_both_bad_epsilon, spec.non_ranking_loss_coeff)
    names, start = start_scores(context, comparisons.models)
    start = start + spec.initial_rating
    point = context.checkpoints.latest()
    done = point.step if point else 0
    ratings = np.array(point.tensors["ratings"] if point else start, np.float64)
    context.stop_here(done, {"ratings": ratings}, {})
    compiled = work(comparisons, context.epochs, DRAWS) >= COMPILED_FROM
    order = Order(comparisons, spec.balance_model_samples, context.seed, compiled)

    checkpoint = Every(1.0)
    for epoch in range(done + 1, context.epochs + 1):
        before = ratings.copy()
        _play_epoch(context, rule, order, ratings, epoch, compiled)
        scores = ratings - spec.initial_rating
        metrics = {
            "accuracy": pairwise_accuracy(scores[validation.model_a], scores[validation.model_b], validation),
            "mean_rating_change": float(np.abs(ratings - before).mean()),
        }
        context.emit("epoch", epoch=epoch, epochs=context.epochs, metrics=metrics, best=False)
        if epoch == context.epochs or checkpoint.due():
            context.checkpoints.save(epoch, {"ratings": ratings}, {})
        context.stop_here(epoch, {"ratings": ratings}, {})

    n_models, finished = len(comparisons.models), max(done, context.epochs)
    redrawn = redrawn_ratings(
        comparisons,
        order,
        start[:n_models],
        ratings[:n_models],
        rule,
        finished,
        DRAWS,
        compiled,
        lambda: context.stop_here(finished, {"ratings": ratings}, {}),
    )

    def columns(number: int) -> dict[str, Any]:
        return {"rating": float(ratings[number])}

    return conclude(
        context,
        names,
        ratings - spec.initial_rating,
        redrawn - spec.initial_rating,
        columns=columns,
        epochs=finished,
        best_epoch=finished,
    )


def _play_epoch(
    context: TrainContext, rule: Elo, order: Order, ratings: np.ndarray, epoch: int, compiled: bool
) -> None:
    """One epoch, in place. Asked to stop, it saves the ratings that the epoch started from and leaves."""
    boundary = ratings.copy()
    games = order.of_epoch(epoch)
    for first in range(0, len(games), CHUNK):
        context.stop_here(epoch - 1, {"ratings": boundary}, {})
        chunk = games[first : first + CHUNK]
        play(ratings, chunk, rule, compiled)
        if len(games) > CHUNK:
            # Shorter epochs are their own progress.
            context.emit(
                "progress",
                done=first + len(chunk),
                total=len(games),
                unit="comparisons",
                epoch=epoch,
                epochs=context.epochs,
                metrics={},
            )
