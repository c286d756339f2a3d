"""What is learned of two answers to a prompt: that the one that is worth more is the better one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from runner.builders.language._learning import preference_losses as losses
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._reinforcing import advantages
from runner.builders.language._reinforcing.experience import Experience
from runner.builders.language._reinforcing.policy_log_probs import known_by, log_probs, parts_of
from runner.builders.language._reinforcing.policy_objectives import Known, counted
from runner.builders.language._reinforcing.rollouts import Drawn


class PairObjective:
    """Online direct preference optimization. ``spec`` has the fields of ``online_dpo``.

    Source: Guo et al., "Direct Language Model Alignment from Online AI Feedback" (2024), section 3.
    """

    group = 2
    values: nn.Module | None = None

    def __init__(self, spec: Any, reference: Any) -> None:
        """``reference`` is the model that training began with."""
        self._spec, self._reference = spec, reference
        self.figures: dict[str, float] = {}

    def experience(self, drawn: Sequence[Drawn], worth: np.ndarray, machine: Machine, size: int) -> Experience:
        """The tokens of pairs, of which one answer is better. Their ``advantages`` are what each adds to the margin of
        its pair: 1 of the better answer, -1 of the other, divided by the answer's tokens where the loss is ``ipo``."""
        spec, pairs = self._spec, worth.reshape(-1, 2)
        both = counted(drawn, worth, spec.mask_cut).reshape(-1, 2).all(axis=1)
        found = Experience.of(drawn, np.repeat(both & ~advantages.equal(pairs), 2))
        if not found.counts.sum():
            return found
        first = np.where(pairs[:, 0] > pairs[:, 1], 1.0, -1.0)
        signs = np.stack([first, -first], axis=1).ravel()
        if spec.loss_type == "ipo":
            signs = signs / np.maximum(found.counts, 1)
        found.known["advantages"] = found.by_row(signs)
        found.known["reference"], _ = known_by(self._reference, found, machine, spec.temperature, size)
        return found

    def losses(self, experience: Experience, machine: Machine, size: int) -> Iterator[torch.Tensor]:
        spec = self._spec
        by_pair = experience.counts.reshape(-1, 2).sum(axis=1)
        for pairs in parts_of(len(by_pair), max(1, size // 2)):
            rows, tokens = (2 * pairs[:, None] + np.arange(2)).ravel(), by_pair[pairs]
            if not tokens.sum():
                continue
            batch = experience.rows.batch(rows, machine.padding, machine.device)
            logs, _ = log_probs(machine.learner, batch, spec.temperature, machine.precision)
            known = Known(experience, rows, machine)
            gained = known["advantages"] * (logs - known["reference"])
            margins = torch.stack([part.sum() for part in gained.split(tokens[tokens > 0].tolist())])
            yield losses.dpo(margins, spec.loss_type, spec.beta).sum() / int((by_pair > 0).sum())
