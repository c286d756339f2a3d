"""Whether a new LLM's estimate is better than the mean of the known LLMs, on prompts that it was not made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.contract import Table
from runner.data.holdout import text_key
from runner.statistics.paired_bootstrap import Interval, resample
from runner.tasks.ranking.few_prompts import Estimate, FewPrompts, estimate, mean_of_known

#: Parts into which the prompts are divided, each foretold from the others.
FOLDS = 10
ESTIMATE, MEAN = "the estimate", "the mean of the known LLMs"


@dataclass(frozen=True)
class Checked:
    """Log loss and accuracy of comparisons with the known LLMs, cross-validated over prompts."""

    #: By what foretold them: log loss, and the share of which the winner was foretold.
    measured: dict[str, tuple[float, float]]
    #: Log loss of the estimate less that of the mean: below 0 it is better.
    difference: Interval

    @property
    def better(self) -> bool:
        """Whether the estimate foretells better than the mean does, if perhaps by chance."""
        return self.difference.value < 0

    def warning(self, llm: str) -> str | None:
        """What to say of an estimate that is not surely better."""
        if not self.better:
            return (
                f"on prompts that it was not made from, the estimate of {llm} is not better than the mean of the known "
                f"LLMs (log loss {self.difference.value:+z.3f}): score it on more prompts"
            )
        if self.difference.high > 0:
            return (
                f"the estimate of {llm} may be no better than the mean of the known LLMs: log loss "
                f"{self.difference.value:+z.3f}, 95 % interval {self.difference.low:+z.3f} to "
                f"{self.difference.high:+z.3f}"
            )
        return None

    def table(self) -> Table:
        rows = [(name, loss, right) for name, (loss, right) in self.measured.items()]
        note = (
            f"Comparisons of the new LLM with known ones, {FOLDS} parts of the prompts, each foretold from the others. "
            f"Log loss less that of the mean: {self.difference.value:+z.3f} "
            f"({self.difference.low:+z.3f} to {self.difference.high:+z.3f})."
        )
        decimals = {"log_loss": 3, "accuracy": 3}
        return Table(
            "extension_check", "Foretold on other prompts", ("model", "log_loss", "accuracy"), rows, note=note,
            decimals=decimals,
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        return {
            "folds": FOLDS,
            "measured": {name: {"log_loss": loss, "accuracy": right} for name, (loss, right) in self.measured.items()},
            "log_loss_difference": self.difference.as_dict(),
            "better_than_mean": self.better,
        }


def cross_checked(few: FewPrompts, keys: Sequence[str], seed: int = 0) -> Checked:
    """Divide the prompts by what they are known by, so that neither their order nor a seed changes the parts."""
    ranks = np.argsort(np.argsort([text_key(key) for key in keys], kind="stable"), kind="stable")
    part = ranks * FOLDS // len(ranks) if len(ranks) >= FOLDS else ranks
    margins = np.zeros((2, len(few.won)))
    for each in np.unique(part):
        held = part[few.prompt] == each
        others = few.take(part != each)
        if not held.any():
            continue
        found = estimate(others) if len(others.won) else mean_of_known(few)
        for row, one in enumerate((found, mean_of_known(few))):
            margins[row, held] = _margins(one, few)[held]
    weight = few.weight / few.weight.mean()
    loss = few.won * np.logaddexp(0, -margins) + (1 - few.won) * np.logaddexp(0, margins)
    right = np.where(few.won > 0.5, margins > 0, margins < 0)
    drawn = resample((loss * weight).T, few.prompt, seed)
    measured = {
        name: (float((loss[row] * weight).mean()), float((right[row] * weight).mean()))
        for row, name in enumerate((ESTIMATE, MEAN))
    }
    return Checked(measured, drawn.difference(0, 1))


def _margins(found: Estimate, few: FewPrompts) -> np.ndarray:
    scores = found.scores(few.scores, few.vectors)
    return scores[few.prompt] - few.scores[few.prompt, few.rival]
