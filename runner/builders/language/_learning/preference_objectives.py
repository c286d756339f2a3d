"""What preference kinds learn: the loss of pairs, or of single answers, and what is measured of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from runner.builders.language._learning import preference_losses as losses
from runner.builders.language._learning.likelihood import Judged
from runner.builders.language._learning.machine import Machine
from runner.builders.language._rows.rendering import Labelled, Pairs


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
                loss = losses.kto(ratio, wanted, point, self.spec.beta, self.spec.loss_type)
                yield share * (loss * machine.tensor(weight[some])).sum() / len(examples)

        return parts

    def measured(self, judged: Judged) -> tuple[dict[str, float | None], np.ndarray]:
        count = len(self)
        ratio = self.reference.loss - judged.loss
        point = max(0.0, float(ratio[count:].mean())) if count else 0.0
        wanted = self.answers.wanted
        loss = losses.kto(
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


def pair_metrics(loss: np.ndarray, margin: np.ndarray) -> dict[str, float | None]:
    """``loss``, the share of pairs with a margin above 0 (one of 0 counts half), and the mean margin."""
    if not len(loss):
        return {"loss": None, "reward_accuracy": None, "reward_margin": None}
    return {
        "loss": float(loss.mean()),
        "reward_accuracy": float(((margin > 0) + 0.5 * (margin == 0)).mean()),
        "reward_margin": float(margin.mean()),
    }


def _above(good: np.ndarray, bad: np.ndarray) -> float:
    """The share of all pairs of a good and a bad reward in which the good one is greater: the area under the curve."""
    below = np.searchsorted(np.sort(bad), good, side="left")
    upto = np.searchsorted(np.sort(bad), good, side="right")
    return float((below + upto).mean() / 2 / len(bad))
