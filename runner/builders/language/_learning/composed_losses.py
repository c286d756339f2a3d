"""A step's loss as a sum of losses: of the data's tokens, and of how far the model is from others that lie beside it.

The odds of the whole vocabulary are not in memory for more than some tokens at a time: those of the model and of the
models beside it are computed in parts, and anew for the gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

from runner.builders.language._learning import token_losses
from runner.builders.language._learning.chunked_log_probs import MOST, last_layer
from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.frozen_models import Beside, Read
from runner.builders.language._learning.log_probs import at_places
from runner.builders.language._rows.token_rows import Batch
from runner.training.precision import arithmetic


@dataclass(frozen=True)
class OfTokens:
    """What is known of some tokens: float32 ``[n, V]`` each, and ``[n]`` tokens."""

    logits: torch.Tensor
    log_probs: torch.Tensor
    tokens: torch.Tensor
    #: The logits of the models beside it, in their order.
    beside: Sequence[torch.Tensor]
    #: What is known of how much better than expected the token's answer is, ``[n]``.
    advantages: torch.Tensor


@dataclass(frozen=True)
class Term:
    """One loss of the sum."""

    weight: float
    #: The loss of every token, ``[n]``.
    of: Callable[[OfTokens], torch.Tensor]
    #: Whether it is of what the data says: a token that the model has made itself has none of it.
    of_data: bool = True


@dataclass(frozen=True)
class Lines:
    """The rows of a forward pass."""

    batch: Batch
    #: The same rows as each of those beside it reads them: as many tokens count, in the same order.
    beside: tuple[Any, ...]
    #: float32 ``[N]``: 1 for a token that is the data's, 0 for one that the model has made; None: all are the data's.
    told: torch.Tensor | None = None
    #: float32 ``[N]``: how much better than expected the answer is that a token is of; None: that is not known.
    advantages: torch.Tensor | None = None


class Source(Protocol):
    """The examples of a training, and a step's rows of them."""

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of every example, int64 ``[n]``."""

    @property
    def mass(self) -> np.ndarray:
        """The sum of every example's weights, float64 ``[n]``."""

    def begin(self, machine: Machine, chosen: np.ndarray) -> Callable[[np.ndarray], Lines]:
        """A step of the ``chosen`` examples: what makes the rows of some of them."""


@dataclass(frozen=True)
class Composition:
    """The losses that add up."""

    terms: tuple[Term, ...]
    #: Models that the terms look at, in the order of ``OfTokens.beside``.
    models: tuple[Beside, ...] = ()
    #: What the likeness of a row's tokens counts, and its margin.
    contrastive: tuple[float, float] | None = None

    def loss(self, machine: Machine, lines: Lines) -> torch.Tensor:
        """The weighted sum over the tokens of a batch, with a gradient."""
        batch = lines.batch
        beside = [model.read(rows) for model, rows in zip(self.models, lines.beside, strict=True)]
        head = last_layer(machine.model)
        with arithmetic(machine.device, machine.precision):
            out = at_places(machine.learner, head, batch)
            told = torch.ones_like(batch.counted) if lines.told is None else lines.told
            found = self.of_tokens(head, out, batch.tokens, told, beside, lines.advantages)
        total = (found * batch.counted).sum()
        if self.contrastive is not None:
            weight, margin = self.contrastive
            rows = batch.owners
            total = total + weight * (token_losses.contrastive(out, rows, margin) * batch.counted * told).sum()
        return total

    def of_tokens(
        self, head: Any, out: torch.Tensor, tokens: torch.Tensor, told: torch.Tensor, beside: Sequence[Read],
        advantages: torch.Tensor | None = None, most: int = MOST,
    ) -> torch.Tensor:  # fmt: skip
        """The loss of every token, ``[N]``, from what ``head`` reads; of a head that is None from the logits.

        Not more than about ``most`` numbers of odds are in memory at a time.
        """

        better = torch.zeros_like(told) if advantages is None else advantages

        def part(
            out: torch.Tensor, tokens: torch.Tensor, told: torch.Tensor, better: torch.Tensor, *read: torch.Tensor
        ) -> torch.Tensor:
            logits = (out if head is None else head(out)).float()
            others = [model.logits(hidden) for model, hidden in zip(beside, read, strict=True)]
            known = OfTokens(logits, torch.log_softmax(logits, dim=-1), tokens, others, better)
            losses = [term.weight * (told if term.of_data else 1) * term.of(known) for term in self.terms]
            return torch.stack(losses).sum(dim=0)

        every = (out, tokens, told, better, *(model.hidden for model in beside))
        vocabulary = out.shape[1] if head is None else int(head.weight.shape[0])
        size = max(1, most // (vocabulary * 4 * (1 + len(beside))))
        if len(tokens) <= size:
            return part(*every)
        parts = []
        for at in range(0, len(tokens), size):
            some = [values[at : at + size] for values in every]
            parts.append(checkpoint(part, *some, use_reentrant=False) if torch.is_grad_enabled() else part(*some))
        return torch.cat(parts)


def composed_parts(
    machine: Machine, source: Source, composition: Composition
) -> Callable[[np.ndarray], Iterator[torch.Tensor]]:
    """The losses of a step's parts, which add up to the mean over all that counts of the step's examples."""
    lengths, mass = source.lengths, source.mass

    def parts(chosen: np.ndarray) -> Iterator[torch.Tensor]:
        total = float(mass[chosen].sum())
        lines = source.begin(machine, chosen)
        for some, share in machine.shared(chosen, lengths):
            yield share * composition.loss(machine, lines(some)) / total

    return parts
