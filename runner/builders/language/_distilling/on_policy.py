"""Answers that the student makes itself in a step, on the prompts of its rows, for the teacher to tell the odds of."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from runner.builders.language._answering.continuous_batching import Line, decode
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._rows.token_rows import TokenRows
from runner.contract import Processes
from runner.tasks.generation.options import GenerationOptions
from runner.training.precision import arithmetic
from runner.training.without_dropout import without_dropout


@dataclass(frozen=True)
class Sampler:
    """How the student answers while it learns."""

    share: float
    max_new_tokens: int
    temperature: float
    #: Tokens that end an answer, and the most that a row of the training has.
    ends: frozenset[int]
    longest: int

    @classmethod
    def of(cls, section: Any, ends: Collection[int], longest: int) -> Sampler:
        return cls(section.share, section.max_new_tokens, section.temperature, frozenset(ends), longest)

    def drawn(self, count: int, processes: Processes) -> list[int | None]:
        """For each of ``count`` rows the seed that it is sampled by, or None where it stays as the data has it.

        Drawn from torch's generator, whose state a checkpoint holds: a training that goes on samples the same. Several
        processes go by what the first has drawn.
        """
        chosen = torch.rand(count, device="cpu") < self.share
        own = torch.where(chosen, torch.randint(2**62, (count,), device="cpu"), -1)
        return [None if seed < 0 else seed for seed in processes.gathered(own)[0].tolist()]

    def answers(self, machine: Machine, prompts: Sequence[list[int]], seeds: Sequence[int]) -> list[list[int]]:
        """What the model goes on with, without dropout, each with the token that ended it."""
        model = machine.model
        options = GenerationOptions(max_new_tokens=self.max_new_tokens, temperature=self.temperature)
        lines = [Line(prompt, [seed], options, self.ends) for prompt, seed in zip(prompts, seeds, strict=True)]
        with without_dropout(model), arithmetic(machine.device, machine.precision):
            for _ in decode(model, lines, padding=machine.padding, longest=self.longest):
                pass
        return [line.made for line in lines]


def prompt_of(rows: TokenRows, number: int) -> list[int]:
    """The tokens of a row before its last answer that is learned."""
    ids, weights = rows.row(number)
    at = max(place for place, weight in enumerate(weights) if weight > 0)
    while at > 0 and weights[at - 1] > 0:
        at -= 1
    return ids[:at]


def answered(prompt: list[int], made: list[int], mass: float) -> tuple[list[int], list[float]]:
    """A row of a prompt and an answer, whose tokens count ``mass`` together."""
    return [*prompt, *made], [*[0.0] * len(prompt), *[mass / len(made)] * len(made)]
