"""What one side's rows are to a training: what its steps learn of them, and what measuring goes over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from runner.builders.language._distilling.logit_distillation import taught_composition
from runner.builders.language._distilling.taught_lines import TaughtLines
from runner.builders.language._learning.composed_losses import composed_parts
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.frozen_models import Frozen
from runner.builders.language._learning.likelihood_loss import Judged, step_parts
from runner.builders.language._learning.likelihood_training import examples_of
from runner.builders.language._learning.log_probs import foretold
from runner.builders.language._learning.loss_terms import composition
from runner.builders.language._learning.preference_objectives import Objective
from runner.builders.language._learning.reward_scores import reward_parts, scores
from runner.builders.language._learning.training_objectives import DataLines
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
    #: The losses of the parts that a step's examples are cut into, by what computes them and the models beside it.
    parts: Callable[[Machine, Sequence[Frozen]], Callable[[np.ndarray], Iterator[torch.Tensor]]]
    head: Head = "tokens"

    def measure(self, model: Any, batch: Any) -> Any:
        """What a forward pass that measures computes."""
        return foretold(model, batch) if self.head == "tokens" else scores(model, batch)


def likelihood(spec: Any, side: Side) -> Exercise:
    """Foretelling tokens."""
    examples = examples_of(spec, side)
    smoothing = getattr(spec, "label_smoothing", 0.0)
    return Exercise(side.rows, examples.lengths, lambda machine, _: step_parts(machine, examples, smoothing=smoothing))


def answers(spec: Any, side: Side, taught: TokenRows | None = None) -> Exercise:
    """The same of conversations, by any losses and beside a teacher, which reads ``taught`` where it reads other rows.

    Answers that the student makes itself are not gone through: the data's are in their place.
    """
    teaching = spec.taught()
    with_teacher = teaching is not None and teaching.by_logits() and not teaching.by_likeliest()
    if spec.losses is None and not with_teacher:
        return likelihood(spec, side)
    examples = examples_of(spec, side)

    def parts(machine: Machine, beside: Sequence[Frozen]) -> Callable[[np.ndarray], Iterator[torch.Tensor]]:
        # Models that are not known take no part, and no memory.
        reference = beside[-1] if len(beside) > with_teacher else None
        if not with_teacher or not beside:
            made = composition(spec.losses, machine.model, reference)
            return composed_parts(machine, DataLines(examples, len(made.models)), made)
        size = min(int(model.config.get_text_config().vocab_size) for model in (machine.model, beside[0].model))
        made = taught_composition(spec, machine.model, reference, beside[0], size)
        return composed_parts(machine, TaughtLines(examples, len(made.models), taught=taught), made)

    return Exercise(side.rows, examples.lengths, parts)


def preference(side: Side, make: Callable[[Judged], Objective]) -> Exercise:
    """Preferences, over a reference that found nothing likely."""
    objective = make(Judged(*np.zeros((3, len(side.lengths)))))
    return Exercise(side.rows, objective.lengths(), lambda machine, _: objective.parts(machine))


def reward(spec: Any, pairs: Pairs) -> Exercise:
    """Scores of answers."""
    lengths = pairs.side.rows.lengths.reshape(-1, 2).sum(axis=1)

    def parts(machine: Machine, _: Sequence[Frozen]) -> Callable[[np.ndarray], Iterator[torch.Tensor]]:
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
