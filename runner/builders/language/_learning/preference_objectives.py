"""What kinds of preferences learn: the loss of pairs of answers, and what is measured of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from runner.builders.language._learning import preference_losses as losses
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.likelihood_loss import Judged
from runner.builders.language._rows.rendering import Pairs


class Objective(Protocol):
    """A loss over examples, each of which is one answer or two. What is judged of them is judged by answer."""

    def __len__(self) -> int: ...
    def lengths(self) -> np.ndarray:
        """Tokens of every example, int64 ``[n]``."""

    def trained_tokens(self) -> np.ndarray:
        """Tokens of every example that the loss is of, int64 ``[n]``."""

    def parts(self, machine: Machine) -> Callable[[np.ndarray], Iterator[torch.Tensor]]:
        """The losses of a step's examples, part by part; they add up to the step's mean."""

    def measured(self, judged: Judged) -> tuple[dict[str, float | None], np.ndarray]:
        """Metrics of held-out rows, and each example's loss, float64 ``[n]``."""


@dataclass(frozen=True)
class _OfPairs:
    """What objectives of pairs share."""

    pairs: Pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def lengths(self) -> np.ndarray:
        return self.pairs.side.lengths.reshape(-1, 2).sum(axis=1)

    def trained_tokens(self) -> np.ndarray:
        return self.pairs.side.trained.reshape(-1, 2).sum(axis=1)

    def _both(self, machine: Machine, some: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-likelihoods and weights of chosen and rejected answers, ``[2, len(some)]`` each, by one forward pass."""
        sums, counts = machine.sums(self.pairs.side, np.concatenate([2 * some, 2 * some + 1]))
        return sums.view(2, -1), counts.view(2, -1)


@dataclass(frozen=True)
class DpoObjective(_OfPairs):
    """Direct preference optimization over a reference that was judged before training."""

    spec: Any
    reference: Judged

    def parts(self, machine: Machine) -> Callable[[np.ndarray], Iterator[torch.Tensor]]:
        lengths, known = self.lengths(), -self.reference.loss.reshape(-1, 2).T

        def parts(examples: np.ndarray) -> Iterator[torch.Tensor]:
            for some, share in machine.shared(examples, lengths):
                sums, counts = self._both(machine, some)
                ratios = sums - machine.tensor(known[:, some])
                if self.spec.loss_type == "ipo":
                    ratios = ratios / counts
                loss = self._loss(ratios[0] - ratios[1])
                yield share * loss.sum() / len(examples)

        return parts

    def measured(self, judged: Judged) -> tuple[dict[str, float | None], np.ndarray]:
        ratios = (self.reference.loss - judged.loss).reshape(-1, 2).T
        if self.spec.loss_type == "ipo":
            ratios = ratios / judged.mass.reshape(-1, 2).T
        margin = ratios[0] - ratios[1]
        loss = self._loss(torch.from_numpy(margin)).numpy()
        return pair_metrics(loss, self.spec.beta * margin), loss

    def _loss(self, margin: torch.Tensor) -> torch.Tensor:
        return losses.dpo(margin, self.spec.loss_type, self.spec.beta, self.spec.label_smoothing)


@dataclass(frozen=True)
class OrpoObjective(_OfPairs):
    """The likelihood of the chosen answer, and the odds of it over the rejected one."""

    spec: Any

    def parts(self, machine: Machine) -> Callable[[np.ndarray], Iterator[torch.Tensor]]:
        side = self.pairs.side
        lengths, mass = self.lengths(), side.by_answer(side.rows.mass)[::2]

        def parts(examples: np.ndarray) -> Iterator[torch.Tensor]:
            tokens = float(mass[examples].sum())
            for some, share in machine.shared(examples, lengths):
                sums, counts = self._both(machine, some)
                odds = losses.odds_ratio(*(sums / counts))
                preference = -torch.nn.functional.logsigmoid(odds).sum() / len(examples)
                yield share * (-sums[0].sum() / tokens + self.spec.beta * preference)

        return parts

    def measured(self, judged: Judged) -> tuple[dict[str, float | None], np.ndarray]:
        means = torch.from_numpy((-judged.loss / judged.mass).reshape(-1, 2).T)
        odds = losses.odds_ratio(means[0], means[1])
        loss = (-means[0] - self.spec.beta * torch.nn.functional.logsigmoid(odds)).numpy()
        return pair_metrics(loss, self.spec.beta * odds.numpy()), loss


def pair_metrics(loss: np.ndarray, margin: np.ndarray) -> dict[str, float | None]:
    """``loss``, the share of pairs with a margin above 0 (one of 0 counts half), and the mean margin."""
    if not len(loss):
        return {"loss": None, "reward_accuracy": None, "reward_margin": None}
    return {
        "loss": float(loss.mean()),
        "reward_accuracy": float(((margin > 0) + 0.5 * (margin == 0)).mean()),
        "reward_margin": float(margin.mean()),
    }
