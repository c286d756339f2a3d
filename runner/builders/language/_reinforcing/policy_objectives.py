"""What is learned of answers that were drawn and judged: of groups of answers to a prompt, of each token alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from runner.builders.language._fields.clip_fields import high
from runner.builders.language._learning import policy_losses as losses
from runner.builders.language._learning.chunked_log_probs import last_layer
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._reinforcing import advantages
from runner.builders.language._reinforcing.experience import Experience
from runner.builders.language._reinforcing.policy_log_probs import known_by, log_probs, parts_of
from runner.builders.language._reinforcing.rollouts import Drawn
from runner.errors import DataError


class Objective(Protocol):
    """What the loop draws answers for."""

    #: Answers to each prompt.
    group: int
    #: What is trained beside the model; None where nothing is.
    values: nn.Module | None
    #: Figures of the answers that were drawn last.
    figures: dict[str, float]

    def experience(self, drawn: Sequence[Drawn], worth: np.ndarray, machine: Machine, size: int) -> Experience:
        """What is known of the tokens of answers, prompt by prompt; ``worth`` (float64 ``[n]``) is NaN for none.

        ``size`` rows go through the model at a time.
        """

    def losses(self, experience: Experience, machine: Machine, size: int) -> Iterator[torch.Tensor]:
        """The losses of a step's parts, which add up to the step's."""


class GroupObjective:
    """Answers compared within their group: GRPO and its kin. ``spec`` has the fields of ``grpo``."""

    values: nn.Module | None = None

    def __init__(self, spec: Any, reference: Any) -> None:
        """``reference`` is the model that training began with; None where ``beta`` is 0."""
        self._spec, self._reference, self.group = spec, reference, int(spec.group_size)
        self.figures: dict[str, float] = {}

    def experience(self, drawn: Sequence[Drawn], worth: np.ndarray, machine: Machine, size: int) -> Experience:
        spec = self._spec
        found = Experience.of(drawn, counted(drawn, worth, spec.mask_cut))
        better = advantages.of_groups(worth.reshape(-1, self.group), spec.scale_rewards, spec.baseline)
        found.known["advantages"] = found.by_row(better.ravel())
        if spec.passes > 1:
            found.known["old"], _ = known_by(machine.model, found, machine, spec.temperature, size)
        if self._reference is not None:
            found.known["reference"], _ = known_by(self._reference, found, machine, spec.temperature, size)
        return found

    def losses(self, experience: Experience, machine: Machine, size: int) -> Iterator[torch.Tensor]:
        spec, counts = self._spec, experience.counts
        parts = list(parts_of(len(experience), size))
        for rows in parts:
            if not counts[rows].sum():
                continue
            batch = experience.rows.batch(rows, machine.padding, machine.device)
            logs, _ = log_probs(machine.learner, batch, spec.temperature, machine.precision)
            known = Known(experience, rows, machine)
            loss = self._loss(logs, known["old"] if spec.passes > 1 else logs.detach(), known["advantages"])
            if self._reference is not None:
                loss = loss + spec.beta * losses.kl_estimate(logs, known["reference"])
            shares = self._shares(counts, rows, len(parts))
            yield (loss * machine.tensor(shares)).sum()

    def _loss(self, logs: torch.Tensor, old: torch.Tensor, better: torch.Tensor) -> torch.Tensor:
        spec = self._spec
        if spec.policy_loss == "importance_sampling":
            return losses.importance_sampling(logs, old, better)
        clipped = losses.ppo if spec.policy_loss == "ppo" else losses.cispo
        return clipped(logs, old, better, spec.clip_range, high(spec))

    def _shares(self, counts: np.ndarray, rows: np.ndarray, parts: int) -> np.ndarray:
        """What every token of the rows counts in the step's loss, by ``loss_type``: float64 ``[N]``."""
        spec, own = self._spec, counts[rows]
        if spec.loss_type == "grpo":
            each = 1 / (np.maximum(own, 1) * len(counts))
        elif spec.loss_type == "bnpo":
            each = np.full(len(rows), 1 / (own.sum() * parts))
        elif spec.loss_type == "dapo":
            each = np.full(len(rows), 1 / counts.sum())
        else:
            each = np.full(len(rows), 1 / (len(counts) * spec.max_new_tokens))
        found: np.ndarray = np.repeat(each, own)
        return found


class ValueObjective:
    """Tokens compared with what a learned value expects of them: PPO. ``spec`` has the fields of ``ppo``.

    Source: Ziegler et al., "Fine-Tuning Language Models from Human Preferences" (2019), sections 2.1 and 2.2; details
    as in Huang et al., "The N+ Implementation Details of RLHF with PPO" (2024).
    """

    group = 1

    def __init__(self, spec: Any, reference: Any, model: Any) -> None:
        """``reference`` is the model that training began with. Raises :class:`DataError` for a ``model`` whose last
        layer's input cannot be had."""
        head = last_layer(model)
        if head is None:
            raise DataError(
                f"a {model.config.model_type} model changes what its last layer gives: what it reads is not told",
                where="/model/spec/base_model_name",
                hint="ppo needs it for the value of a token; grpo does not",
            )
        self._spec, self._reference = spec, reference
        self.figures: dict[str, float] = {}
        layer = nn.Linear(int(head.weight.shape[1]), 1, device=head.weight.device)
        # Nothing is expected before anything is known.
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
        self.values: nn.Module | None = layer

    def experience(self, drawn: Sequence[Drawn], worth: np.ndarray, machine: Machine, size: int) -> Experience:
        spec = self._spec
        found = Experience.of(drawn, counted(drawn, worth, spec.mask_cut))
        if not found.counts.sum():
            return found
        old, values = known_by(machine.model, found, machine, spec.temperature, size, self.values)
        assert values is not None
        reference, _ = known_by(self._reference, found, machine, spec.temperature, size)
        brought = -spec.kl_coefficient * (old - reference).astype(np.float64)
        ends = np.cumsum(found.counts)
        better, returns = np.zeros(len(old)), np.zeros(len(old))
        for row, (count, end) in enumerate(zip(found.counts.tolist(), ends.tolist(), strict=True)):
            if count:
                brought[end - 1] += worth[row]
                of = slice(end - count, end)
                better[of], returns[of] = advantages.of_tokens(brought[of], values[of], spec.gamma, spec.gae_lambda)
        found.known = {
            "old": old,
            "values": values,
            "advantages": advantages.whitened(better).astype(np.float32),
            "returns": returns.astype(np.float32),
        }
        self.figures = {"kl": float((old - reference).mean(dtype=np.float64))}
        return found

    def losses(self, experience: Experience, machine: Machine, size: int) -> Iterator[torch.Tensor]:
        spec, counts = self._spec, experience.counts
        total = int(counts.sum())
        for rows in parts_of(len(experience), size):
            if not counts[rows].sum():
                continue
            batch = experience.rows.batch(rows, machine.padding, machine.device)
            logs, said = log_probs(machine.learner, batch, spec.temperature, machine.precision, self.values)
            assert said is not None
            known = Known(experience, rows, machine)
            policy = losses.ppo(logs, known["old"], known["advantages"], spec.clip_range, spec.clip_range)
            value = losses.clipped_values(said, known["values"], known["returns"], spec.value_clip_range)
            yield (policy + spec.value_coefficient * value).sum() / total


class Known:
    """What is known of the tokens of some rows, on the device, in the order of their batch."""

    def __init__(self, experience: Experience, rows: np.ndarray, machine: Machine) -> None:
        self._experience, self._machine, self._places = experience, machine, experience.places(rows)

    def __getitem__(self, name: str) -> torch.Tensor:
        return self._machine.tensor(self._experience.known[name][self._places])


def counted(drawn: Sequence[Drawn], worth: np.ndarray, mask_cut: bool) -> np.ndarray:
    """Which answers are learned from, bool ``[n]``: those that are worth something known, and came to an end where
    others are left out."""
    there: np.ndarray = ~np.isnan(worth)
    if mask_cut:
        there = there & ~np.array([answer.judged.cut for answer in drawn], bool)
    return there
