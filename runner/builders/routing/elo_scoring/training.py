"""Elo ratings, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from runner.builders.routing._ratings.agnostic import DRAWS, conclude, start_scores
from runner.builders.routing._ratings.elo import COMPILED_FROM, Elo, play, redrawn_ratings, work
from runner.builders.routing._ratings.elo_order import Order
from runner.builders.routing.elo_scoring import Spec
from runner.contract import Checkpoint, TrainContext, TrainResult
from runner.tasks.ranking.measuring import pairwise_accuracy
from runner.training.throttling import Every

#: Comparisons between two looks at the stop signal, and between two progress events.
CHUNK = 100_000


class Epochs:
    """The ratings under training and those to keep: what a checkpoint holds."""

    def __init__(self, start: np.ndarray, keeps_best: bool) -> None:
        self._keeps_best = keeps_best
        self.done = self.kept_epoch = 0
        self.best_accuracy: float | None = None
        self.ratings, self.kept = start.copy(), start.copy()

    def take(self, point: Checkpoint) -> None:
        """Go on from a checkpoint."""
        self.done, state = point.step, point.state
        self.kept_epoch, self.best_accuracy = state["kept_epoch"], state["best_accuracy"]
        self.ratings, self.kept = (np.array(point.tensors[name], np.float64) for name in ("ratings", "kept"))

    def checkpoint(self) -> tuple[int, Mapping[str, np.ndarray], dict[str, Any]]:
        """After the last finished epoch: what ``context.checkpoints.save`` takes."""
        state = {"kept_epoch": self.kept_epoch, "best_accuracy": self.best_accuracy}
        return self.done, {"ratings": self.ratings, "kept": self.kept}, state

    def finish(self, ratings: np.ndarray, accuracy: float | None) -> bool:
        """Count an epoch, and say whether its ratings are the ones to keep so far.

        The best is the first of the highest validation accuracy; without a validation split, the last.
        """
        self.done, self.ratings = self.done + 1, ratings
        better = accuracy is None or self.best_accuracy is None or accuracy > self.best_accuracy
        if better:
            self.best_accuracy = accuracy
        if better or not self._keeps_best:
            self.kept, self.kept_epoch = ratings, self.done
        return better and self._keeps_best


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Play every epoch, keep one, redraw, measure, store.

    A score is ``rating - initial_rating``. Every epoch's order comes from the seed and the epoch's number alone, so
    a resumed run ends with the very ratings of one that was not interrupted.
    """
    comparisons, validation = context.data.train, context.data.validation
    rule = Elo(spec.initial_rating, spec.k_factor, spec.tie_both_bad_epsilon, spec.non_ranking_loss_coeff)
    names, start = start_scores(context, comparisons.models)
    start = start + spec.initial_rating
    epochs = Epochs(start, spec.keep == "best")
    point = context.checkpoints.latest()
    if point is not None:
        epochs.take(point)
    context.stop_here(*epochs.checkpoint())
    compiled = work(comparisons, context.epochs, DRAWS) >= COMPILED_FROM
    order = Order(comparisons, spec.balance_model_samples, context.seed, compiled)

    checkpoint = Every(1.0)
    for epoch in range(epochs.done + 1, context.epochs + 1):
        ratings = _played(context, rule, order, epochs, compiled)
        scores = ratings - spec.initial_rating
        metrics = {
            "accuracy": pairwise_accuracy(scores[validation.model_a], scores[validation.model_b], validation),
            "mean_rating_change": float(np.abs(ratings - epochs.ratings).mean()),
        }
        best = epochs.finish(ratings, metrics["accuracy"])
        context.emit("epoch", epoch=epoch, epochs=context.epochs, metrics=metrics, best=best)
        if epoch == context.epochs or checkpoint.due():
            context.checkpoints.save(*epochs.checkpoint())
        context.stop_here(*epochs.checkpoint())

    n_models, kept = len(comparisons.models), epochs.kept
    redrawn = redrawn_ratings(
        comparisons,
        order,
        start[:n_models],
        kept[:n_models],
        rule,
        epochs.kept_epoch,
        DRAWS,
        compiled,
        lambda: context.stop_here(*epochs.checkpoint()),
    )

    def columns(number: int) -> dict[str, Any]:
        return {"rating": float(kept[number])}

    return conclude(
        context,
        names,
        kept - spec.initial_rating,
        redrawn - spec.initial_rating,
        columns=columns,
        epochs=epochs.done,
        best_epoch=epochs.kept_epoch,
    )


def _played(context: TrainContext, rule: Elo, order: Order, epochs: Epochs, compiled: bool) -> np.ndarray:
    """The ratings after one more epoch. Asked to stop, it saves what the epoch started from and leaves."""
    ratings, epoch = epochs.ratings.copy(), epochs.done + 1
    games = order.of_epoch(epoch)
    for first in range(0, len(games), CHUNK):
        context.stop_here(*epochs.checkpoint())
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
    return ratings
