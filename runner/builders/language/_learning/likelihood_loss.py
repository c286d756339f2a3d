"""Learning to foretell tokens: the mean negative log-likelihood of those that count, in a step and on held-out rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.log_probs import foretold
from runner.builders.language._rows.examples import Examples
from runner.builders.language._rows.token_rows import TokenRows
from runner.contract import Processes
from runner.errors import Stopped

#: Tokens of a batch that is measured, padding included: so many fit wherever a training batch does.
MEASURED = 8192


@dataclass(frozen=True)
class Judged:
    """Rows as a model foretells them, float64 ``[n]`` each."""

    #: The weighted sum of negative log-likelihoods (nats), the sum of weights, the weights of tokens foretold.
    loss: np.ndarray
    mass: np.ndarray
    hits: np.ndarray

    def added(self, together: Callable[[np.ndarray], np.ndarray]) -> Judged:
        """Rows that are parts of one thing, added up by ``together``."""
        return Judged(together(self.loss), together(self.mass), together(self.hits))

    def metrics(self) -> dict[str, float | None]:
        """``loss`` (nats a token), ``perplexity``, ``token_accuracy``; None where nothing counts."""
        mass = float(self.mass.sum())
        if not mass:
            return {"loss": None, "perplexity": None, "token_accuracy": None}
        loss = float(self.loss.sum()) / mass
        return {
            "loss": loss,
            "perplexity": math.exp(loss) if loss < 700 else None,
            "token_accuracy": float(self.hits.sum()) / mass,
        }


def judge(
    model: Any,
    rows: TokenRows,
    padding: int,
    device: str,
    stop_requested: Callable[[], bool] = lambda: False,
    processes: Processes | None = None,
) -> Judged:
    """Every row, in float32 and without dropout, in batches by length. Raises :class:`Stopped` when asked to stop.

    Several processes have a share of the batches each, and all of them the result.
    """
    processes = processes or Processes()
    was = model.training
    model.eval()
    loss, mass, hits = judged = np.zeros((3, len(rows)))
    with torch.no_grad():
        for chosen, counts in processes.dealt(list(by_tokens(rows.lengths, MEASURED))):
            if stop_requested():
                raise Stopped("stopped while measuring")
            found = foretold(model, rows.batch(chosen, padding, device))
            if not counts:
                continue
            loss[chosen] = -found.sums().double().cpu().numpy()
            mass[chosen] = found.counts().double().cpu().numpy()
            hits[chosen] = found.right().double().cpu().numpy()
    processes.at_rest(model).train(was)
    return Judged(*processes.sum(judged))


def by_tokens(lengths: np.ndarray, tokens: int) -> Iterator[np.ndarray]:
    """Row numbers in batches of similar length, of at most ``tokens`` tokens with padding, the longest first."""
    order = np.argsort(-lengths, kind="stable")
    at = 0
    while at < len(order):
        count = max(1, tokens // max(1, int(lengths[order[at]])))
        yield order[at : at + count]
        at += count


def step_parts(
    machine: Machine, examples: Examples, *, smoothing: float = 0.0
) -> Callable[[np.ndarray], Iterator[torch.Tensor]]:
    """The losses of a step's parts, which add up to the mean over all of the step's tokens that count.

    With ``smoothing`` ``e`` a token's loss is ``(1 - e)`` of its own and ``e`` of the mean over the vocabulary (Szegedy
    et al., 2016).
    """
    mass, lengths = examples.mass, examples.lengths

    def parts(chosen: np.ndarray) -> Iterator[torch.Tensor]:
        total = float(mass[chosen].sum())
        for some, share in machine.shared(chosen, lengths):
            found = machine.foretold(examples.batch(some, machine.padding, machine.device), uniform=smoothing > 0)
            loss = -found.sums().sum()
            if found.uniform is not None:
                loss = (1 - smoothing) * loss - smoothing * (found.uniform * found.weights).sum()
            yield share * loss / total

    return parts
