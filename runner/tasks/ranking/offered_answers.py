"""What a policy may call on each held-out prompt, what that was worth and cost, and what training knew beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.tasks.ranking.held_out_outcomes import HeldOutcomes


@dataclass(frozen=True)
class Offered:
    """``P`` held-out prompts and ``M`` LLMs; NaN stands for what is not known."""

    models: tuple[str, ...]
    quality: np.ndarray  # float64 [P, M]
    cost: np.ndarray  # float64 [P, M]
    #: What may be called, bool ``[P, M]``: of a matrix every LLM, of votes those that were compared on the prompt.
    allowed: np.ndarray
    #: Mean quality on the training rows, float64 ``[M]``: what the best single LLM is chosen by.
    trained: np.ndarray
    #: What a call is expected to cost before it is made, float64 ``[P, M]``; None where it is not known of all LLMs.
    price: np.ndarray | None
    #: Which of the held-out prompts these are, int64 ``[P]``: those that something is known of.
    rows: np.ndarray
    #: Whether the quality is a score of each answer, and not who won.
    scored: bool

    @property
    def free(self) -> bool:
        """Whether every LLM may be called on every prompt, so that one can be called always."""
        return bool(self.allowed.all())

    @property
    def standing(self) -> np.ndarray:
        """The place of each LLM by its training, int64 ``[M]``: 0 is the best; of equals the cheaper, then the first.

        An LLM that no training row has comes last.
        """
        price = np.zeros(len(self.models)) if self.price is None else self.price.mean(axis=0)
        worth = np.where(np.isnan(self.trained), -np.inf, self.trained)
        places = np.empty(len(self.models), np.int64)
        places[np.lexsort((price, -worth))] = np.arange(len(self.models))
        return places

    @property
    def best(self) -> int:
        """The best single LLM, as training knew it."""
        return int(self.standing.argmin())

    def of(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Quality and cost of one LLM a prompt, float64 ``[P]`` each; ``chosen`` is int ``[P]``."""
        at = np.arange(len(self.quality))
        return self.quality[at, chosen], self.cost[at, chosen]

    def first(self, order: np.ndarray) -> np.ndarray:
        """The allowed LLM of the least ``order`` on each prompt, int64 ``[P]``; ``order`` is ``[M]`` or ``[P, M]``."""
        return np.where(self.allowed, order, np.inf).argmin(axis=1).astype(np.int64)


def offered(
    held: HeldOutcomes, trained: HeldOutcomes, cost: np.ndarray | None = None, price: np.ndarray | None = None
) -> Offered:
    """From the outcomes of the held-out and of the training rows, which have the same LLMs.

    ``cost`` is what the held-out answers cost, float64 ``[P, M]``, by default as the data says; ``price`` what they
    were expected to, by default what each LLM cost on average on the training rows. Votes give no hint beyond the LLMs
    that were compared, so only those may be called.
    """
    known = ~np.isnan(held.quality)
    if price is None:
        usual = _mean(trained.cost)
        price = None if np.isnan(usual).any() else np.tile(usual, (len(known), 1))
    kept = np.flatnonzero(known.any(axis=1))
    return Offered(
        models=held.models,
        quality=held.quality[kept],
        cost=(held.cost if cost is None else cost)[kept],
        allowed=np.ones_like(known[kept]) if held.scored else known[kept],
        trained=_mean(trained.quality),
        price=None if price is None else price[kept],
        rows=kept,
        scored=held.scored,
    )


def _mean(table: np.ndarray) -> np.ndarray:
    """The mean of what is known in each column; NaN where nothing is."""
    known = ~np.isnan(table)
    count = known.sum(axis=0)
    total = np.where(known, table, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
