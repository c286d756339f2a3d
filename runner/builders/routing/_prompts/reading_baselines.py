"""Two plain readers of the prompt, fitted in seconds with fixed settings: what a trained router has to beat."""

from __future__ import annotations

import numpy as np

from runner.builders.routing._linear.linear_fit import Games, fit_linear
from runner.builders.routing._linear.linear_inputs import LinearInputs
from runner.builders.routing._neighbors.choosing_k import prompt_sample
from runner.builders.routing._neighbors.nearest import Cells, Vectors, searched_vectors
from runner.builders.routing._neighbors.neighbor_scores import NeighborScores, Weighting
from runner.builders.routing._neighbors.outcomes import Outcomes
from runner.builders.routing._prompts.prompted import Score, score_rows
from runner.builders.routing._prompts.table_score import TableScore
from runner.builders.routing._ratings.baselines import Baseline
from runner.data.comparisons import Comparisons
from runner.tasks.ranking.calibration import fit_temperature, winner_margins

NEAREST, LINEAR = "k nearest prompts", "linear map"
#: The defaults of ``knn_scoring``.
K, SHRINKAGE, TIE, BOTH_BAD = 20, 2.0, 0.5, 0.0
#: With more prompts than this only the nearest cells are searched.
EXACT_UP_TO, PROBES = 20_000, 16
#: The penalty of the linear map, in comparisons, and how long it is fitted.
PENALTY, TOLERANCE, STEPS = 1.0, 1e-6, 100
#: Training prompts that tell a temperature.
MOST_PROMPTS = 1000


def reading_baselines(train: Comparisons, validation: Comparisons, embeddings: np.ndarray, seed: int) -> list[Baseline]:
    """Nearest prompts and a linear map from the prompts' embeddings, float32 ``[P, E]``; none without a comparison."""
    if not len(train):
        return []
    nearest = _nearest(train, embeddings, seed)
    some = prompt_sample(train, MOST_PROMPTS, seed)
    fitted = fit_temperature(winner_margins(*score_rows(nearest, some), some))
    found = [Baseline(NEAREST, *score_rows(nearest, validation), fitted)]
    if (linear := _linear(train, embeddings)) is not None:
        # Its scores are log odds as they are.
        found.append(Baseline(LINEAR, *score_rows(linear, validation), 1.0))
    return found


def _nearest(train: Comparisons, embeddings: np.ndarray, seed: int) -> Score:
    searched, entry = searched_vectors(embeddings, train.prompt)
    cells = Cells.of(searched, seed) if len(searched) > EXACT_UP_TO else None
    outcomes = Outcomes.of(train, entry, len(searched), TIE, BOTH_BAD)
    scores = NeighborScores(Vectors(searched, cells, PROBES), outcomes, K, Weighting(), SHRINKAGE)
    return TableScore(lambda prompts: scores(embeddings[prompts], entry[prompts]), len(embeddings))


def _linear(train: Comparisons, embeddings: np.ndarray) -> Score | None:
    mine = np.unique(train.prompt)
    entry = np.full(len(embeddings), -1, np.int64)
    entry[mine] = np.arange(len(mine))
    games = Games.of(train, entry, ties=True, both_bad=False)
    if not len(games.count):
        return None
    inputs = LinearInputs.of(embeddings, None, mine)
    fitted = fit_linear(inputs.rows(mine), games, PENALTY / games.total, tolerance=TOLERANCE, steps=STEPS)
    return TableScore(lambda prompts: fitted(inputs.rows(prompts)), len(embeddings))
