"""How every router that reads the prompt is measured and tabulated."""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.builders.routing._prompts.prompted import Score, score_rows
from runner.builders.routing._prompts.reading_baselines import reading_baselines
from runner.builders.routing._ratings.agnostic import leaderboard
from runner.builders.routing._ratings.baselines import agnostic_baselines
from runner.contract import TrainContext, TrainResult
from runner.data.comparisons import Comparisons
from runner.tasks.ranking.against_best import against_best
from runner.tasks.ranking.calibration import calibrate, fit_temperature, winner_margins
from runner.tasks.ranking.measuring import evaluate
from runner.tasks.ranking.training_verdict import training_verdict

#: Bootstrap samples over prompts behind the leaderboard's intervals.
DRAWS = 1000
#: Beside a seed: the prompts behind the intervals of mean scores.
SCORES_SALT = 0x6D


def conclude(
    context: TrainContext,
    score: Score,
    epochs: int | None = None,
    best_epoch: int | None = None,
    fitted_on: Comparisons | None = None,
    embeddings: np.ndarray | None = None,
    fitted: float | None = None,
) -> tuple[TrainResult, float]:
    """Measure the best epoch as every router is measured, and tabulate it. Returns the temperature too.

    Where too few are held out to fit a temperature, it is ``fitted``, or the one that fits the training comparisons
    ``fitted_on``, by default all of them. With the prompts' ``embeddings``, float ``[P, E]``, two plain readers of the
    prompt stand among the baselines, and the table ``against_best`` says whether the router beats the best of them all.
    """
    train: Comparisons = context.data.train
    validation: Comparisons = context.data.validation
    fitted_on = train if fitted_on is None else fitted_on
    if fitted is None:
        fitted = fit_temperature(winner_margins(*score_rows(score, fitted_on), fitted_on))
    scores = score_rows(score, validation)
    temperatures, temperature = calibrate(*scores, validation, fitted)
    metrics, calibration = evaluate(*scores, validation, temperatures, context.seed, context.emit)
    metrics |= {"temperature": temperature, "n_models": len(train.models)}
    scored = score_table(score, validation if len(validation) else fitted_on)
    means, redrawn = mean_scores(scored, context.seed)
    tables: dict[str, Any] = {
        "leaderboard": leaderboard(train, means, redrawn),
        "calibration": calibration,
        "baselines": [],
    }
    if len(validation):
        beside = agnostic_baselines(train, validation, context.seed)
        if embeddings is not None:
            beside += reading_baselines(train, validation, embeddings, context.seed)
        tables["baselines"] = [each.row(validation, context.seed) for each in beside]
        if embeddings is not None:
            rivals = {each.name: (each.score_a, each.score_b) for each in beside}
            against = against_best(scores, rivals, validation, context.seed)
            tables |= {against.name: against.as_dict()} if against else {}
        told, more = training_verdict(train, validation, scored, temperature, context.seed)
        metrics |= told
        tables |= more
    return TrainResult(metrics, epochs=epochs, best_epoch=best_epoch, tables=tables), temperature


def score_table(score: Score, comparisons: Comparisons) -> np.ndarray:
    """Every LLM's score on every distinct prompt, float64 ``[M, P]``."""
    prompts = np.unique(comparisons.prompt)
    n_models = len(comparisons.models)
    table = score(np.tile(prompts, n_models), np.repeat(np.arange(n_models), len(prompts)))
    return table.reshape(n_models, len(prompts))


def mean_scores(table: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Every LLM's mean over the prompts, float64 ``[M]``, and over bootstrap samples of them, ``[B, M]``."""
    prompts = table.shape[1]
    rng = np.random.default_rng([seed, SCORES_SALT])
    # A bootstrap sample of prompts is a vector of counts: the redrawn means are one matrix product.
    counts = rng.multinomial(prompts, np.full(prompts, 1 / prompts), size=DRAWS)
    return table.mean(axis=1), counts @ table.T / prompts
