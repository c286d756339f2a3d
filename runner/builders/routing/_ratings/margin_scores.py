"""One learnable score per LLM, by gradient descent on a margin ranking loss. Only the worker loads this."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from runner.builders.routing._ratings.pair_counts import prompt_weights
from runner.data.comparisons import BOTH_BAD, TIE, A, Comparisons
from runner.tasks.ranking.balancing import draw, epoch_order, pair_weights
from runner.training import optimizers

MARGIN = 0.1
#: Beside a seed: the comparisons of bootstrap samples.
SAMPLES_SALT = 0x73
#: The work that bootstrap samples may cost, in comparisons over all samples and steps, and in steps.
MOST_WORK, MOST_STEPS = 10_000_000, 2_000


class Table:
    """The comparisons as tensors on a device."""

    def __init__(self, comparisons: Comparisons, device: str) -> None:
        def tensor(values: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(values)).to(device)

        winner = comparisons.winner
        self.a = tensor(comparisons.model_a.astype(np.int64))
        self.b = tensor(comparisons.model_b.astype(np.int64))
        #: +1 where a won, -1 where b won, 0 else.
        self.sign = tensor(np.where(comparisons.decided, np.where(winner == A, 1.0, -1.0), 0.0))
        self.tie = tensor((winner == TIE).astype(np.float64))
        self.both_bad = tensor((winner == BOTH_BAD).astype(np.float64))


def loss_of(scores: torch.Tensor, table: Table, rows: torch.Tensor, epsilon: float, coefficient: float) -> torch.Tensor:
    """The loss of a batch for each of ``R`` sets of scores: ``[R, M]`` and rows ``[R, batch]`` to ``[R]``.

    The mean over decided comparisons of ``max(0, 0.1 - (s_winner - s_loser))``, plus ``coefficient`` times the means
    over ties of ``max(0, epsilon - s)`` and over both_bad of ``max(0, epsilon + s)``, summed over the two sides.
    """
    a, b = scores.gather(1, table.a[rows]), scores.gather(1, table.b[rows])
    sign, tie, both_bad = table.sign[rows], table.tie[rows], table.both_bad[rows]
    ranking = _mean(torch.relu(MARGIN - sign * (a - b)), sign.abs())
    good = _mean(torch.relu(epsilon - a) + torch.relu(epsilon - b), tie)
    bad = _mean(torch.relu(epsilon + a) + torch.relu(epsilon + b), both_bad)
    return ranking + coefficient * (good + bad)


def batches(comparisons: Comparisons, batch_size: int, seed: int, epoch: int, balanced: bool) -> Iterator[torch.Tensor]:
    """The batches of one epoch, rows int64 ``[1, batch]``, from the seed and the epoch's number alone."""
    rng = np.random.default_rng([seed, epoch])
    weights = pair_weights(comparisons.model_a, comparisons.model_b) if balanced else None
    order = torch.from_numpy(epoch_order(len(comparisons), rng, weights))
    return iter(order.unsqueeze(0).split(batch_size, dim=1))


def redrawn_scores(
    comparisons: Comparisons,
    table: Table,
    start: np.ndarray,
    fitted: np.ndarray,
    spec: optimizers.Adam | optimizers.AdamW | optimizers.Muon,
    epsilon: float,
    coefficient: float,
    epochs: int,
    batch_size: int,
    balanced: bool,
    draws: int,
    seed: int,
    between: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """The scores of ``draws`` bootstrap samples over prompts, float64 ``[draws, n_models]``, all trained at once.

    A sample is trained as the model was, for ``epochs`` epochs from ``start`` (``[n_models]``); where that is more work
    than the module's bounds allow, for as many steps as they do, from ``fitted`` and at the learning rate of the
    end. Batches are drawn with replacement. ``between`` is called now and then and may raise.
    """
    per_epoch = -(-len(comparisons) // batch_size)
    most = max(50, min(MOST_STEPS, MOST_WORK // (draws * min(batch_size, len(comparisons)))))
    whole = epochs * per_epoch <= most
    steps = min(epochs * per_epoch, most)
    device = table.a.device
    scores = torch.nn.Parameter(torch.from_numpy(np.tile(start if whole else fitted, (draws, 1))).to(device))
    # Each row is a set of scores of its own, so the whole is no matrix to Muon.
    optimizer = optimizers.make(spec, [("scores", scores)], embeddings=("scores",))
    if not whole:
        for _ in range(epochs - 1):
            optimizer.end_epoch()
    order = _redrawn_rows(comparisons, steps * min(batch_size, len(comparisons)), balanced, draws, seed)
    for number, rows in enumerate(torch.from_numpy(order).split(min(batch_size, len(comparisons)), dim=1)):
        if number % 100 == 0:
            between()
        optimizer.zero_grad()
        loss_of(scores, table, rows.to(device, torch.int64), epsilon, coefficient).sum().backward()
        optimizer.step()
        if whole and (number + 1) % per_epoch == 0:
            optimizer.end_epoch()
    return scores.detach().cpu().numpy()


def _redrawn_rows(comparisons: Comparisons, count: int, balanced: bool, draws: int, seed: int) -> np.ndarray:
    """Comparisons of each sample, drawn with replacement: int32 ``[draws, count]``."""
    rng = np.random.default_rng([seed, SAMPLES_SALT])
    ones = np.ones(len(comparisons))
    weights = pair_weights(comparisons.model_a, comparisons.model_b) if balanced else ones
    order = np.empty((draws, count), np.int32)
    for number, times in enumerate(prompt_weights(comparisons.prompt, draws, seed)):
        order[number] = draw(times * weights, count, rng)
    return order


def _mean(values: torch.Tensor, among: torch.Tensor) -> torch.Tensor:
    """The mean of a row's values where ``among`` is 1, and 0 where it is 1 nowhere."""
    return (values * among).sum(dim=1) / among.sum(dim=1).clamp(min=1.0)
