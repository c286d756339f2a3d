"""The verdict on a router that was just trained: by what its own data says, on the prompts that it held out."""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.data.comparisons import Comparisons
from runner.tasks.ranking.held_out_outcomes import held_out_outcomes
from runner.tasks.ranking.offered_answers import offered
from runner.tasks.ranking.verdict import verdict
from runner.tasks.ranking.verdict_words import metrics, recorded

Recorded = tuple[dict[str, float | int | None], dict[str, Any]]


def training_verdict(
    train: Comparisons, validation: Comparisons, scores: np.ndarray, temperature: float, seed: int
) -> Recorded:
    """The metrics and the tables that a run adds; empty where nothing that was held out tells LLMs apart.

    ``scores`` are those of every LLM on every distinct held-out prompt, float64 ``[M, P]``, the prompts sorted. The
    best single LLM and the mix are chosen on the training rows, as are the costs that the router reckons with.
    """
    if validation.outcomes is None and not validation.decided.any():
        return {}, {}
    answers = offered(held_out_outcomes(validation, train.models), held_out_outcomes(train, train.models))
    told = verdict(answers, np.asarray(scores, np.float64), temperature, seed)
    return ({}, {}) if told is None else (metrics(told), recorded(told))
