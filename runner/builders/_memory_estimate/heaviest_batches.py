"""Which of a training's batches take the most memory: those with the most tokens, padding included."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: Epochs that are looked through: their batches are much alike.
EPOCHS = 3


def largest_step(
    order: Callable[[np.random.Generator], np.ndarray],
    lengths: np.ndarray,
    *,
    step: int,
    batch: int,
    seed: int,
    epochs: int,
    steps: int,
) -> np.ndarray:
    """The examples of the step with the largest batch, its longest batches first: two of them at most.

    ``order`` gives an epoch's examples, ``step`` of which make a step and ``batch`` of which a forward pass; ``steps``
    are those of the whole training. ``lengths`` (int64 ``[n]``) are tokens.
    """
    found, most, seen = np.zeros(0, np.int64), -1, 0
    for epoch in range(1, min(epochs, EPOCHS) + 1):
        examples = order(np.random.default_rng([seed, epoch]))
        for at in range(0, len(examples), step):
            if seen == steps:
                return found
            seen += 1
            some = examples[at : at + step]
            some = some[np.argsort(-lengths[some], kind="stable")]
            # Sorted, the first batch is the largest.
            tokens = int(lengths[some[0]]) * min(batch, len(some))
            if tokens > most:
                found, most = some[: 2 * batch], tokens
    return found
