"""Training of a score per LLM by the margin ranking loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from runner.builders.routing._ratings.agnostic import DRAWS, conclude, start_scores
from runner.builders.routing._ratings.margin_scores import Table, batches, loss_of, redrawn_scores
from runner.builders.routing.simple_scoring import Spec
from runner.contract import TrainContext, TrainResult
from runner.tasks.ranking.measuring import pairwise_accuracy
from runner.training import optimizers
from runner.training.throttling import Every


class _Fit:
    """The scores under training, the optimizer, and the best epoch so far: what a checkpoint holds."""

    def __init__(self, spec: Spec, context: TrainContext, start: np.ndarray) -> None:
        self.done = 0
        self.scores = torch.nn.Parameter(torch.from_numpy(start.copy()).to(context.device).unsqueeze(0))
        # A row of scores is an embedding table, not a matrix.
        self.optimizer = optimizers.make(spec.optimizer, [("scores", self.scores)], embeddings=("scores",))
        self.best = start.copy()
        self.best_epoch = 0
        self.best_accuracy: float | None = None
        point = context.checkpoints.latest()
        if point is None:
            return
        self.done = point.step
        with torch.no_grad():
            self.scores.copy_(torch.as_tensor(np.asarray(point.tensors["scores"])).unsqueeze(0))
        self.optimizer.load_state(point.tensors, point.state["optimizer"])
        self.best = np.array(point.tensors["best"], np.float64)
        self.best_epoch, self.best_accuracy = point.state["best_epoch"], point.state["best_accuracy"]

    def values(self) -> np.ndarray:
        """The present scores, float64 ``[n]``."""
        return self.scores.detach()[0].cpu().numpy().copy()

    def point(self) -> tuple[int, dict[str, Any], dict[str, Any]]:
        """The arguments of a checkpoint."""
        tensors, state = self.optimizer.state()
        kept = {"optimizer": state, "best_epoch": self.best_epoch, "best_accuracy": self.best_accuracy}
        return self.done, {"scores": self.values(), "best": self.best, **tensors}, kept

    def finish_epoch(self, accuracy: float | None) -> bool:
        """Count an epoch, decay the learning rate, and say whether the epoch is the best so far.

        The best is the first of the highest validation accuracy; without a validation split, the last.
        """
        self.done += 1
        self.optimizer.end_epoch()
        better = accuracy is None or self.best_accuracy is None or accuracy > self.best_accuracy
        if better:
            self.best, self.best_epoch, self.best_accuracy = self.values(), self.done, accuracy
        return better


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Learn, keep the best epoch, redraw, measure, store.

    Every epoch's batches come from the seed and the epoch's number alone, and a checkpoint holds the optimizer, so a
    resumed run ends with the very scores of one that was not interrupted.
    """
    comparisons, validation = context.data.train, context.data.validation
    names, start = start_scores(context, comparisons.models)
    fit = _Fit(spec, context, start)
    table = Table(comparisons, context.device)

    checkpoint = Every(1.0)
    for epoch in range(fit.done + 1, context.epochs + 1):
        loss = _learn_epoch(spec, context, fit, table, epoch)
        scores = fit.values()
        accuracy = pairwise_accuracy(scores[validation.model_a], scores[validation.model_b], validation)
        metrics = {"train_loss": loss, "accuracy": accuracy, "learning_rate": fit.optimizer.learning_rate}
        best = fit.finish_epoch(accuracy)
        context.emit("epoch", epoch=epoch, epochs=context.epochs, metrics=metrics, best=best)
        if epoch == context.epochs or checkpoint.due():
            context.checkpoints.save(*fit.point())
        context.stop_here(*fit.point())

    n_models = len(comparisons.models)
    redrawn = redrawn_scores(
        comparisons,
        table,
        start[:n_models],
        fit.best[:n_models],
        spec.optimizer,
        spec.tie_both_bad_epsilon,
        spec.non_ranking_loss_coeff,
        fit.best_epoch,
        context.batch_size,
        spec.balance_model_samples,
        DRAWS,
        context.seed,
        lambda: context.stop_here(*fit.point()),
    )
    return conclude(context, names, fit.best, redrawn, epochs=fit.done, best_epoch=fit.best_epoch)


def _learn_epoch(spec: Spec, context: TrainContext, fit: _Fit, table: Table, epoch: int) -> float:
    """One epoch; its mean loss. Asked to stop, it saves the point that the epoch started from and leaves."""
    comparisons = context.data.train
    boundary = fit.point()
    total, seen = 0.0, 0
    for number, rows in enumerate(
        batches(comparisons, context.batch_size, context.seed, epoch, spec.balance_model_samples)
    ):
        context.stop_here(*boundary)
        fit.optimizer.zero_grad()
        loss = loss_of(
            fit.scores,
            table,
            rows.to(context.device),
            spec.tie_both_bad_epsilon,
            spec.non_ranking_loss_coeff,
        )
        loss.sum().backward()
        fit.optimizer.step()
        total, seen = total + float(loss.detach()) * rows.shape[1], seen + rows.shape[1]
        if number % 200 == 0 or seen == len(comparisons):
            context.emit(
                "progress",
                done=seen,
                total=len(comparisons),
                unit="comparisons",
                epoch=epoch,
                epochs=context.epochs,
                metrics={"train_loss": total / seen},
            )
    return total / seen
