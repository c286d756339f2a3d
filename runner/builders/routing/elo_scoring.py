"""One score per LLM: sequential Elo ratings, going over the comparisons in a new order each epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from runner.builders.routing._agnostic_predictor import AgnosticPredictor
from runner.contract import ModelSpec, TrainContext, TrainResult, option
from runner.data.comparisons import ComparisonsData
from runner.training.pace import Every

if TYPE_CHECKING:
    from runner.builders.routing._elo import Elo

REQUIRES = ("numpy", "safetensors")
Predictor = AgnosticPredictor

#: Comparisons between two looks at the stop signal, and between two progress events.
CHUNK = 100_000


class Spec(ModelSpec):
    """Elo."""

    uses_epochs: ClassVar[bool] = True
    uses_batch_size: ClassVar[bool] = False
    data = ComparisonsData

    model_type: Literal["elo_scoring"] = option(
        description="One score per LLM by sequential Elo updates (base 10, scale 400); blind to the prompt."
    )
    initial_rating: float = option(1500.0, description="Where every rating starts; a score is a rating less this.")
    k_factor: float = option(32.0, gt=0, description="The most that one comparison can move a rating.")
    balance_model_samples: bool = option(
        True,
        description="Whether an epoch draws comparisons with replacement, weighted by the inverse frequency of the "
        "rarer LLM, rather than going through each once.",
    )
    tie_both_bad_epsilon: float = option(
        100.0,
        ge=0,
        description="Rating points above initial_rating that a tie pulls both LLMs to, and below it for both_bad.",
    )
    non_ranking_loss_coeff: float = option(
        0.1, ge=0, description="Strength of that pull: half of it is added to, or taken from, a tie's one half."
    )
    min_model_occurrences: int = option(
        1000, ge=0, description="LLMs with fewer comparisons than this are left out, with their comparisons."
    )


def train(spec: Spec, context: TrainContext) -> TrainResult:
    """Play every epoch, redraw, measure, store. The last epoch's ratings are kept: Elo has no better one.

    A score is ``rating - initial_rating``. Every epoch's order comes from the seed and the epoch's number alone, so
    a resumed run ends with the very ratings of one that was not interrupted.
    """
    import numpy as np

    from runner.builders.routing._agnostic import DRAWS, conclude, start_scores
    from runner.builders.routing._elo import Elo, redrawn_ratings
    from runner.builders.routing._evaluation import pairwise_accuracy

    comparisons, validation = context.data.train, context.data.validation
    rule = Elo(spec.initial_rating, spec.k_factor, spec.tie_both_bad_epsilon, spec.non_ranking_loss_coeff)
    names, start = start_scores(context, comparisons.models)
    start = start + spec.initial_rating
    point = context.checkpoints.latest()
    done = point.step if point else 0
    ratings: list[float] = np.asarray(point.tensors["ratings"] if point else start, np.float64).tolist()

    checkpoint = Every(1.0)
    for epoch in range(done + 1, context.epochs + 1):
        before = np.array(ratings)
        _play_epoch(spec, rule, context, ratings, epoch)
        after = np.array(ratings)
        scores = after - spec.initial_rating
        metrics = {
            "accuracy": pairwise_accuracy(scores[validation.model_a], scores[validation.model_b], validation),
            "mean_rating_change": float(np.abs(after - before).mean()),
        }
        context.emit("epoch", epoch=epoch, epochs=context.epochs, metrics=metrics, best=False)
        if epoch == context.epochs or checkpoint.due():
            context.checkpoints.save(epoch, {"ratings": after}, {})
        context.stop_here(epoch, {"ratings": after}, {})

    fitted = np.array(ratings)
    n_models, finished = len(comparisons.models), max(done, context.epochs)
    redrawn = redrawn_ratings(
        comparisons,
        start[:n_models],
        fitted[:n_models],
        rule,
        finished,
        spec.balance_model_samples,
        DRAWS,
        context.seed,
        lambda: context.stop_here(finished, {"ratings": fitted}, {}),
    )

    def columns(number: int) -> dict[str, Any]:
        return {"rating": float(fitted[number])}

    return conclude(
        context,
        names,
        fitted - spec.initial_rating,
        redrawn - spec.initial_rating,
        columns=columns,
        epochs=finished,
        best_epoch=finished,
    )


def _play_epoch(spec: Spec, rule: Elo, context: TrainContext, ratings: list[float], epoch: int) -> None:
    """One epoch, in place. Asked to stop, it saves the ratings that the epoch started from and leaves."""
    import numpy as np

    from runner.builders.routing._elo import play, rows_of_epoch

    comparisons = context.data.train
    boundary = np.array(ratings)
    rows = rows_of_epoch(comparisons, epoch, context.seed, spec.balance_model_samples)
    for first in range(0, len(rows), CHUNK):
        context.stop_here(epoch - 1, {"ratings": boundary}, {})
        chunk = rows[first : first + CHUNK]
        play(
            ratings,
            comparisons.model_a[chunk].tolist(),
            comparisons.model_b[chunk].tolist(),
            comparisons.winner[chunk].tolist(),
            rule,
        )
        if len(rows) > CHUNK:
            # Shorter epochs are their own progress.
            done = first + len(chunk)
            context.emit(
                "progress",
                done=done,
                total=len(rows),
                unit="comparisons",
                epoch=epoch,
                epochs=context.epochs,
                metrics={},
            )
