"""What one side's rows are to a training: what its steps learn of them, and what measuring goes over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from runner.builders.language._learning.likelihood import Judged, step_parts
from runner.builders.language._learning.likelihood_training import bins_for
from runner.builders.language._learning.log_probs import foretold
from runner.builders.language._learning.machine import Machine
from runner.builders.language._learning.preference_objectives import Objective
from runner.builders.language._learning.reward_scores import reward_parts, scores
from runner.builders.language._models.opening import Head
from runner.builders.language._rows.rendering import Labelled, Pairs, Side
from runner.builders.language._rows.row_report import RowReport
from runner.builders.language._rows.token_rows import TokenRows


@dataclass(frozen=True)
class Exercise:
    """The examples of one side, each of which is one row of tokens or several."""

    rows: TokenRows
    #: Tokens of every example, int64 ``[n]``.
    lengths: np.ndarray
    #: The losses of the parts that a step's examples are cut into, by what computes them.
    parts: Callable[[Machine], Callable[[np.ndarray], Iterator[torch.Tensor]]]
    head: Head = "tokens"

    def measure(self, model: Any, batch: Any) -> Any:
        """What a forward pass that measures computes."""
        return foretold(model, batch) if self.head == "tokens" else scores(model, batch)


def likelihood(spec: Any, side: Side) -> Exercise:
    """Foretelling tokens."""
    bins, lengths = bins_for(spec, side), side.rows.lengths
    if bins is not None:
        lengths = np.array([lengths[some].sum() for some in bins], np.int64)

    def parts(machine: Machine) -> Callable[[np.ndarray], Iterator[torch.Tensor]]:
        return step_parts(machine, side.rows, smoothing=spec.label_smoothing, bins=bins)

    return Exercise(side.rows, lengths, parts)


def preference(side: Side, make: Callable[[Judged], Objective]) -> Exercise:
    """Preferences, over a reference that found nothing likely."""
    objective = make(Judged(*np.zeros((3, len(side.lengths)))))
    return Exercise(side.rows, objective.lengths(), objective.parts)


def reward(spec: Any, pairs: Pairs) -> Exercise:
    """Scores of answers."""
    lengths = pairs.side.rows.lengths.reshape(-1, 2).sum(axis=1)

    def parts(machine: Machine) -> Callable[[np.ndarray], Iterator[torch.Tensor]]:
        return reward_parts(machine, pairs, lengths, spec.center_rewards)

    return Exercise(pairs.side.rows, lengths, parts, "score")


def full_rows(count: int, length: int) -> Side:
    """Rows that are as long as may be, all of whose tokens count: what is known of rows that were not read."""
    rows = TokenRows.of([[0] * length] * count, [[1.0] * length] * count)
    return Side(rows, np.arange(count), RowReport("train"), np.zeros(count), np.arange(count))


def full_pairs(count: int, length: int) -> Pairs:
    """The same as pairs."""
    return Pairs(full_rows(2 * count, length), np.zeros(count))


def full_answers(count: int, length: int) -> Labelled:
    """The same as single answers."""
    return Labelled(full_rows(2 * count, length), np.ones(count, bool))
