"""What the learned rankers share: winners and losers as rows, the two ranking losses, which rows an epoch sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from runner.data.comparisons import A, Comparisons
from runner.errors import DataError
from runner.tasks.ranking.balancing import epoch_order, pair_weights

#: Margin of the ranking loss: the winner should lead by this much, on a scale of -1 to 1.
MARGIN = 0.1


def decided_rows(split: Comparisons) -> np.ndarray:
    """The comparisons with a winner, int64 ``[n]``. Raises :class:`DataError` where there is none."""
    decided = np.flatnonzero(split.decided)
    if not len(decided):
        raise DataError("the training split has no comparison with a winner", where="/data/dataset")
    return decided


def winners(split: Comparisons, decided: np.ndarray, device: str) -> tuple[Any, Any, Any]:
    """Prompt, winner and loser of every decided comparison: int64 tensors ``[len(decided)]``."""
    a_won = split.winner[decided] == A
    a, b = split.model_a[decided], split.model_b[decided]
    columns = (split.prompt[decided], np.where(a_won, a, b), np.where(a_won, b, a))
    return tuple(torch.from_numpy(column.astype(np.int64)).to(device) for column in columns)  # type: ignore[return-value]


def ranking_loss(kind: str, winner: torch.Tensor, loser: torch.Tensor) -> torch.Tensor:
    """Mean loss of a batch, a scalar; both scores are ``[B]``.

    ``margin_ranking``: ``max(0, 0.1 - (winner - loser))``. ``bradley_terry``: ``-log sigmoid(winner - loser)``
    (Bradley and Terry, 1952; Burges et al., 2005).
    """
    lead = winner - loser
    if kind == "margin_ranking":
        return torch.relu(MARGIN - lead).mean()
    return torch.nn.functional.softplus(-lead).mean()


def epoch_rows(split: Comparisons, decided: np.ndarray, balanced: bool) -> Callable[[np.random.Generator], np.ndarray]:
    """The rows (of ``decided``) of an epoch: a shuffle, or a draw in favour of the rarer LLMs."""
    weights = pair_weights(split.model_a[decided], split.model_b[decided]) if balanced else None
    return lambda rng: epoch_order(len(decided), rng, weights)
