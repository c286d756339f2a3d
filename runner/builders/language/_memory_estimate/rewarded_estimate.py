"""What learning from rewards will take: answers are taken to be as long as they may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.frozen_models import Frozen
from runner.builders.language._memory_estimate import language_estimate
from runner.builders.language._memory_estimate.exercise import Exercise
from runner.builders.language._memory_estimate.rows_to_estimate import KnownRows
from runner.builders.language._models.base_model import Base
from runner.builders.language._reinforcing.experience import Experience
from runner.builders.language._reinforcing.policy_objectives import Objective
from runner.builders.language._reinforcing.prompt_side import prompts
from runner.builders.language._rewards.weighted_rewards import REWARDS, need_columns
from runner.builders.language._rows.rendering import renderer_of
from runner.builders.language._rows.row_report import RowReport
from runner.builders.language._rows.token_rows import TokenRows
from runner.contract import Footprint, FootprintContext

#: What may be known of a token.
KNOWN = ("old", "reference", "values", "advantages", "returns")
#: Makes the objective of a model, beside the reference where there is one.
Making = Callable[[Any, Any], Objective]


@dataclass(frozen=True)
class Prompts:
    """Prompts of some numbers of tokens."""

    lengths: np.ndarray
    report: RowReport


def estimate(spec: Any, context: FootprintContext, group: int, make: Making, *, reference: bool) -> Footprint:
    """See :func:`runner.builders.language._memory_estimate.language_estimate.estimate`.

    ``group`` answers are drawn to each prompt, ``reference`` says whether the model that training began with lies
    beside it. Models that reward are not counted.

    Raises :class:`~runner.errors.DataError` for a reward whose column no row has.
    """
    if context.data is not None:
        for sentence in need_columns(spec.rewards, context.data.train, context.data.validation):
            context.emit("warning", message=sentence, pointer=REWARDS)

    def reader(base: Base) -> Callable[[Any, str], Prompts]:
        renderer = renderer_of(base, spec, context)

        def read(rows: Any, side: str) -> Prompts:
            found = prompts(rows, renderer, spec, side, context.cache)
            return Prompts(found.lengths, found.report)

        return read

    def full(count: int, length: int) -> Prompts:
        return Prompts(np.full(count, length - spec.max_new_tokens), RowReport("train"))

    def beside(folder: Path) -> Sequence[tuple[Path, torch.dtype]]:
        return [(folder, torch.float32)] if reference else []

    rows = KnownRows(reader, full, lambda found: _exercise(spec, found.lengths, group, make), beside)
    return language_estimate.estimate(spec, context, rows)


def _exercise(spec: Any, lengths: np.ndarray, group: int, make: Making) -> Exercise:
    """An example is a prompt with all its answers, each a row."""
    ids, weights = [], []
    for length in lengths.tolist():
        row = [0.0] * length + [1.0] * spec.longest_answer(length)
        ids += [[0] * len(row)] * group
        weights += [row] * group
    rows = TokenRows.of(ids, weights)

    def parts(machine: Machine, frozen: Sequence[Frozen]) -> Callable[[np.ndarray], Iterator[torch.Tensor]]:
        objective = make(machine.model, frozen[0].model if frozen else None)

        def step(chosen: np.ndarray) -> Iterator[torch.Tensor]:
            numbers = (chosen[:, None] * group + np.arange(group)).ravel().tolist()
            own = Experience(TokenRows.of(*zip(*(rows.row(number) for number in numbers), strict=True)))
            own.known = {name: np.zeros(int(own.counts.sum()), np.float32) for name in KNOWN}
            yield from objective.losses(own, machine, machine.at_once.count * group)

        return step

    longest = np.array([length + spec.longest_answer(length) for length in lengths.tolist()], np.int64)
    return Exercise(rows, longest * group, parts)
