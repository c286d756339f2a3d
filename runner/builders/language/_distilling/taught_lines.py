"""A step's rows for a student and its teacher: the data's, and those that the student has answered itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from runner.builders.language._distilling.on_policy import Sampler, answered, prompt_of
from runner.builders.language._distilling.top_k_cache import KeptOdds
from runner.builders.language._learning.composed_losses import Lines
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.training_objectives import DataLines
from runner.builders.language._rows.examples import Examples
from runner.builders.language._rows.token_rows import TokenRows


@dataclass(frozen=True, kw_only=True)
class TaughtLines(DataLines):
    """The student's examples; the first of the models beside it is the teacher, the others read as the student does."""

    #: The teacher's rows, where it reads others: as many, packed alike.
    taught: TokenRows | None = None
    #: Its odds, where they were computed before.
    kept: KeptOdds | None = None
    sampler: Sampler | None = None

    def begin(self, machine: Machine, chosen: np.ndarray) -> Callable[[np.ndarray], Lines]:
        if self.sampler is not None:
            seeds = dict(zip(chosen.tolist(), self.sampler.drawn(len(chosen), machine.processes), strict=True))
            return lambda some: self._sampled(machine, some, [seeds[number] for number in some.tolist()])

        def lines(some: np.ndarray) -> Lines:
            batch = self.examples.batch(some, machine.padding, machine.device)
            read: Any = batch
            if self.kept is not None:
                rows = some if self.examples.bins is None else np.concatenate([self.examples.bins[at] for at in some])
                read = self.kept.lines(rows, machine.device)
            elif self.taught is not None:
                read = Examples(self.taught, self.examples.bins).batch(some, machine.padding, machine.device)
            return Lines(batch, (read, *(batch,) * (self.models - 1)))

        return lines

    def _sampled(self, machine: Machine, some: np.ndarray, seeds: list[int | None]) -> Lines:
        """The rows, of which those with a seed are answered by the student."""
        assert self.sampler is not None
        rows = self.examples.rows
        own = {number: seed for number, seed in zip(some.tolist(), seeds, strict=True) if seed is not None}
        prompts = [prompt_of(rows, number) for number in own]
        made: dict[int, list[int]] = {}
        if own:
            made = dict(zip(own, self.sampler.answers(machine, prompts, list(own.values())), strict=True))
        mass = self.examples.mass

        def row(source: TokenRows, number: int) -> tuple[list[int], list[float]]:
            if number not in made:
                return source.row(number)
            return answered(prompt_of(source, number), made[number], float(mass[number]))

        batches, every = [], np.arange(len(some))
        for source in (rows, self.taught):
            if source is not None:
                written = TokenRows.of(*zip(*(row(source, number) for number in some.tolist()), strict=True))
                batches.append(written.batch(every, machine.padding, machine.device))
        batch, read = batches[0], batches[-1]
        counted = (batch.weights[:, 1:] > 0).sum(dim=1)
        told = torch.tensor([number not in made for number in some.tolist()], dtype=torch.float32)
        told = told.to(machine.device).repeat_interleave(counted)
        return Lines(batch, (read, *(batch,) * (self.models - 1)), told)
