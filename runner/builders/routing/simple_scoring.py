"""One score per LLM, learnt by gradient descent on a margin ranking loss.

A decided comparison costs `max(0, 0.1 - (s_winner - s_loser))`. A tie costs `max(0, tie_both_bad_epsilon - s)` for
both LLMs and a both_bad `max(0, tie_both_bad_epsilon + s)`, weighted by `non_ranking_loss_coeff`: a score above 0
says that an answer tends to be good. The loss is averaged over a batch; with `balance_model_samples` batches are
drawn with replacement, comparisons of rarer LLMs more often. The epoch of the best validation accuracy is kept.
Intervals come from samples redrawn by prompt and trained alike, in a bounded number of steps where the data is large.

Use it when ties and both_bad should say which LLMs are good at all, not only which are better, or as the plain
counterpart of the routers that read the prompt, which learn by the same loss. A margin, unlike a likelihood, stops
caring about pairs that are far enough apart: for probabilities take `bradley_terry_scoring`.

Source: Herbrich, Graepel and Obermayer, "Large margin rank boundaries for ordinal regression", 2000, with one
parameter an LLM.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from runner.builders.routing._ratings.agnostic_predictor import AgnosticPredictor
from runner.contract import ModelSpec, TrainContext, TrainResult, option
from runner.data.comparisons import ComparisonsData
from runner.tasks import ranking
from runner.training import optimizers
from runner.training.optimizers import OptimizerSpec
from runner.training.pace import Every

if TYPE_CHECKING:
    import numpy as np

    from runner.builders.routing._ratings.margin_scores import Table

TASK = ranking.TASK
REQUIRES = ("numpy", "safetensors", "torch")
Predictor = AgnosticPredictor


class Spec(ModelSpec):
    """A learnt score per LLM."""

    uses_epochs: ClassVar[bool] = True
    uses_batch_size: ClassVar[bool] = True
    data = ComparisonsData
    reads: ClassVar = frozenset[str]()
    row_filters: ClassVar = ("min_model_occurrences",)

    model_type: Literal["simple_scoring"] = option(
        description="One learnt score per LLM (margin ranking loss, margin 0.1); blind to the prompt."
    )
    optimizer: OptimizerSpec = option(description="How the scores are learnt: adam, adamw or muon.")
    balance_model_samples: bool = option(
        True,
        description="Whether an epoch draws comparisons with replacement, weighted by the inverse frequency of the "
        "rarer LLM, rather than going through each once.",
    )
    tie_both_bad_epsilon: float = option(
        0.01, ge=0, description="A tie pushes both scores above this, a both_bad below minus this."
    )
    non_ranking_loss_coeff: float = option(
        0.01, ge=0, description="Weight of the losses of ties and of both_bad beside the ranking loss."
    )
    min_model_occurrences: int = option(
        1000, ge=0, description="LLMs with fewer comparisons than this are left out, with their comparisons."
    )


class _Fit:
    """The scores under training, the optimizer, and the best epoch so far: what a checkpoint holds."""

    def __init__(self, spec: Spec, context: TrainContext, start: np.ndarray) -> None:
        import numpy as np
        import torch

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
    from runner.builders.routing._ratings.agnostic import DRAWS, conclude, start_scores
    from runner.builders.routing._ratings.margin_scores import Table, redrawn_scores
    from runner.tasks.ranking.measuring import pairwise_accuracy

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
    from runner.builders.routing._ratings.margin_scores import batches, loss_of

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
