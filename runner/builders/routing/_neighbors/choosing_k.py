"""How many neighbours: by how well training prompts are foretold from the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from runner.builders.routing._neighbors.neighbor_scores import NeighborScores
from runner.data.comparisons import Comparisons
from runner.tasks.ranking.calibration import fit_temperature, winner_margins

#: What is tried.
GRID = (5, 10, 20, 40, 80, 160, 320)
#: Training prompts that are foretold: enough to tell the grid's numbers apart, few enough for a second.
MOST_PROMPTS = 2000


def prompt_sample(comparisons: Comparisons, most: int, seed: int) -> Comparisons:
    """The comparisons of some of the prompts, drawn by the seed; of all where there are no more."""
    prompts = np.unique(comparisons.prompt)
    if len(prompts) <= most:
        return comparisons
    drawn = np.random.default_rng([seed, most]).permutation(prompts)[:most]
    return comparisons.take(np.isin(comparisons.prompt, drawn))


def choose_k(scores: NeighborScores, embeddings: np.ndarray, entry: np.ndarray, train: Comparisons, seed: int) -> int:
    """The number of the grid with the least log loss of decided comparisons, each prompt left out in its turn.

    ``embeddings`` are those of the data's prompts and ``entry`` says which of the searched ones each of them is. The
    log loss is taken at the temperature that fits best, as a router's is. Without a decided comparison: the first.
    """
    sample = prompt_sample(train, MOST_PROMPTS, seed)
    sample = sample.take(sample.decided)
    most = max(1, len(scores.prompts.vectors) - 1)
    grid = [k for k in GRID if k <= most] or [most]
    if not len(sample):
        return grid[0]
    prompts, which = np.unique(sample.prompt, return_inverse=True)
    places, cosines = scores.prompts.nearest(embeddings[prompts], grid[-1], entry[prompts])
    losses = []
    for k in grid:
        table = replace(scores, k=k, guard=None).of_neighbors(places[:, :k], cosines[:, :k])
        margins = winner_margins(table[which, sample.model_a], table[which, sample.model_b], sample)
        losses.append(float(np.logaddexp(0.0, -margins / fit_temperature(margins)).mean()))
    return grid[int(np.argmin(losses))]
