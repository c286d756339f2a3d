"""One score per LLM: sequential Elo ratings, going over the comparisons in a new order each epoch.

Every rating starts at `initial_rating`. A comparison of `a` and `b` expects `a` to score
`1 / (1 + 10^((rating_b - rating_a) / 400))` and moves `a` by `k_factor * (actual - expected)`, `b` likewise; a win
counts 1, a loss 0. A tie and a both_bad count one half each, and a little more or less: `non_ranking_loss_coeff / 2`
is added for an LLM that tied below `initial_rating + tie_both_bad_epsilon`, and taken from one whose answer was
both_bad above `initial_rating - tie_both_bad_epsilon`, so that good and bad pairs of answers find their place on the
scale. Each epoch plays the comparisons in a new order; with `balance_model_samples` it draws them with replacement,
those of rarer LLMs more often. A score is the rating less `initial_rating`. Intervals come from samples redrawn by
prompt, which go on from the final ratings where the data is large.

Use it when ratings must follow LLMs that change, or have to be understood by whoever knows chess ratings. The last
comparisons weigh most and `k_factor` sets the noise that never settles: for LLMs that stay as they are,
`bradley_terry_scoring` fits the same model exactly, with tighter intervals.

Source: Elo, "The Rating of Chessplayers, Past and Present", 1978.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from runner.builders.routing._ratings.agnostic_predictor import AgnosticPredictor
from runner.contract import ModelSpec, TrainContext, TrainResult, option
from runner.data.comparisons import ComparisonsData
from runner.tasks import ranking
from runner.training.pace import Every

if TYPE_CHECKING:
    import numpy as np

    from runner.builders.routing._ratings.elo import Elo
    from runner.builders.routing._ratings.elo_order import Order

TASK = ranking.TASK
REQUIRES = ("numba", "numpy", "safetensors")
Predictor = AgnosticPredictor

#: Comparisons between two looks at the stop signal, and between two progress events.
CHUNK = 100_000


class Spec(ModelSpec):
    """Elo."""

    uses_epochs: ClassVar[bool] = True
    uses_batch_size: ClassVar[bool] = False
    data = ComparisonsData
    reads: ClassVar = frozenset[str]()
    row_filters: ClassVar = ("min_model_occurrences",)

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

    from runner.builders.routing._ratings.agnostic import DRAWS, conclude, start_scores
    from runner.builders.routing._ratings.elo import COMPILED_FROM, Elo, redrawn_ratings, work
    from runner.builders.routing._ratings.elo_order import Order
    from runner.tasks.ranking.measuring import pairwise_accuracy

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
    from runner.builders.routing._ratings.elo import play

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
