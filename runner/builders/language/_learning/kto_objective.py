"""What KTO learns: single answers, wanted or not, against a reference point of mismatched ones.

Source: Ethayarajh et al. (2024), "KTO: Model Alignment as Prospect Theoretic Optimization".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import sigmoid

from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.likelihood_loss import Judged
from runner.builders.language._rows.rendering import Labelled


def kto_loss(
    ratio: torch.Tensor, wanted: torch.Tensor, divergence: torch.Tensor, beta: float, loss_type: str
) -> torch.Tensor:
    """The loss of each answer by the log ratio to its reference: Ethayarajh et al. (2024), equation 8.

    ``divergence`` is the reference point, a scalar. ``apo_zero_unpaired`` (D'Oosterlinck et al., 2024) has none.
    """
    reward = beta * ratio
    if loss_type == "apo_zero_unpaired":
        return torch.where(wanted, 1 - sigmoid(reward), sigmoid(reward))
    point = beta * divergence
    return torch.where(wanted, 1 - sigmoid(reward - point), 1 - sigmoid(point - reward))


@dataclass(frozen=True)
class KtoObjective:
    """Single answers, wanted or not, over a reference that was judged before training."""

    answers: Labelled
    spec: Any
    reference: Judged

    def __len__(self) -> int:
        return len(self.answers)

    def lengths(self) -> np.ndarray:
        return self.answers.side.lengths[: len(self)]

    def trained_tokens(self) -> np.ndarray:
        return self.answers.side.trained[: len(self)]

    def parts(self, machine: Machine) -> Callable[[np.ndarray], Iterator[torch.Tensor]]:
        lengths, known, side = self.lengths(), -self.reference.loss, self.answers.side
        weight = np.where(self.answers.wanted, self.spec.desirable_weight, self.spec.undesirable_weight)

        def divergence(examples: np.ndarray) -> torch.Tensor:
            """The mean log ratio of the step's prompts with other prompts' answers, at least 0, without a gradient."""
            total = torch.zeros((), device=machine.device)
            with torch.no_grad():
                for some, share in machine.shared(examples + len(self), side.lengths):
                    total += share * (machine.sums(side, some)[0] - machine.tensor(known[some])).sum()
            return (machine.processes.sum(total) / len(examples)).clamp(min=0)

        def parts(examples: np.ndarray) -> Iterator[torch.Tensor]:
            point = divergence(examples) if self.spec.loss_type == "kto" else torch.zeros((), device=machine.device)
            for some, share in machine.shared(examples, lengths):
                ratio = machine.sums(side, some)[0] - machine.tensor(known[some])
                wanted = machine.tensor(self.answers.wanted[some]) > 0
                loss = kto_loss(ratio, wanted, point, self.spec.beta, self.spec.loss_type)
                yield share * (loss * machine.tensor(weight[some])).sum() / len(examples)

        return parts

    def measured(self, judged: Judged) -> tuple[dict[str, float | None], np.ndarray]:
        count = len(self)
        ratio = self.reference.loss - judged.loss
        point = max(0.0, float(ratio[count:].mean())) if count else 0.0
        wanted = self.answers.wanted
        loss = kto_loss(
            torch.from_numpy(ratio[:count]),
            torch.from_numpy(wanted),
            torch.tensor(point),
            self.spec.beta,
            self.spec.loss_type,
        ).numpy() * np.where(wanted, self.spec.desirable_weight, self.spec.undesirable_weight)
        reward = self.spec.beta * ratio[:count]
        good, bad = reward[wanted], reward[~wanted]
        both = len(good) > 0 and len(bad) > 0
        return {
            "loss": float(loss.mean()) if count else None,
            "reward_accuracy": _above(good, bad) if both else None,
            "reward_margin": float(good.mean() - bad.mean()) if both else None,
        }, loss


def _above(good: np.ndarray, bad: np.ndarray) -> float:
    """The share of all pairs of a good and a bad reward in which the good one is greater: the area under the curve."""
    below = np.searchsorted(np.sort(bad), good, side="left")
    upto = np.searchsorted(np.sort(bad), good, side="right")
    return float((below + upto).mean() / 2 / len(bad))
