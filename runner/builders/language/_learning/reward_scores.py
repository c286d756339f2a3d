"""Scores of whole rows: a reward model's output at a row's last token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from runner.builders.language._learning.compute_context import Machine
from runner.builders.language._learning.likelihood_loss import MEASURED, by_tokens
from runner.builders.language._learning.preference_losses import bradley_terry
from runner.builders.language._rows.rendering import Pairs
from runner.builders.language._rows.token_rows import Batch, TokenRows
from runner.contract import Processes
from runner.errors import Stopped
from runner.training.precision import Precision, arithmetic


def scores(model: Any, batch: Batch, precision: Precision = "float32") -> torch.Tensor:
    """float32 ``[B]``."""
    with arithmetic(batch.ids.device.type, precision):
        out = model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)
    found: torch.Tensor = out.logits.float()[:, 0]
    return found


def judged_scores(
    model: Any,
    rows: TokenRows,
    padding: int,
    device: str,
    stop_requested: Callable[[], bool] = lambda: False,
    processes: Processes | None = None,
) -> np.ndarray:
    """Every row's score without dropout, float64 ``[n]``. Raises :class:`Stopped` when asked to stop.

    Several processes have a share of the batches each, and all of them the result.
    """
    processes = processes or Processes()
    was = model.training
    model.eval()
    found = np.zeros(len(rows))
    with torch.no_grad():
        for chosen, counts in processes.dealt(list(by_tokens(rows.lengths, MEASURED))):
            if stop_requested():
                raise Stopped("stopped while measuring")
            judged = scores(model, rows.batch(chosen, padding, device)).double().cpu().numpy()
            if counts:
                found[chosen] = judged
    processes.at_rest(model).train(was)
    every: np.ndarray = processes.sum(found)
    return every


def reward_parts(
    machine: Machine, pairs: Pairs, lengths: np.ndarray, center: float | None
) -> Callable[[np.ndarray], Iterator[torch.Tensor]]:
    """The losses of a step's pairs, part by part; ``center`` is that of :func:`bradley_terry`."""

    def parts(examples: np.ndarray) -> Iterator[torch.Tensor]:
        for some, share in machine.shared(examples, lengths):
            both = np.concatenate([2 * some, 2 * some + 1])
            batch = pairs.side.rows.batch(both, machine.padding, machine.device)
            chosen, rejected = scores(machine.learner, batch, machine.precision).view(2, -1)
            loss = bradley_terry(chosen, rejected, machine.tensor(pairs.margins[some]), center)
            yield share * loss.sum() / len(examples)

    return parts


def pair_figures(found: np.ndarray) -> dict[str, float | None]:
    """``accuracy``, ``margin``, ``log_loss`` of scores of chosen and rejected answers by turns, float64 ``[2 n]``."""
    if not len(found):
        return {"accuracy": None, "margin": None, "log_loss": None}
    margin = found[::2] - found[1::2]
    return {
        "accuracy": float(right(margin).mean()),
        "margin": float(margin.mean()),
        "log_loss": float(np.logaddexp(0, -margin).mean()),
    }


def right(margin: np.ndarray) -> np.ndarray:
    """1 for a margin above 0, one half for none: float64 ``[n]``."""
    return (margin > 0) + 0.5 * (margin == 0)
