"""Which comparisons Elo meets, and in which order: an epoch's, and those of a bootstrap sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from runner.builders.routing._pairs import prompt_weights
from runner.data.comparisons import Comparisons
from runner.training.balancing import draw, pair_weights


class Order:
    """The orders of a training: everything comes from the seed and the number of the epoch or of the sample."""

    def __init__(self, comparisons: Comparisons, balanced: bool, seed: int, compiled: bool = False) -> None:
        self._comparisons = comparisons
        self._seed = seed
        self._weights = pair_weights(comparisons.model_a, comparisons.model_b) if balanced else None
        self._edges = self._starts = np.zeros(0)
        self._compiled = False
        if compiled and self._weights is not None:
            from runner.builders.routing._elo_compiled import guide

            self._edges = np.cumsum(self._weights)
            self._starts, self._compiled = guide(self._edges), True

    def of_epoch(self, epoch: int) -> np.ndarray:
        """The rows of one epoch, int64 ``[n]``; ``epoch`` counts from 1. They are those of `balancing.epoch_order`."""
        rng, n = np.random.default_rng([self._seed, epoch]), len(self._comparisons)
        if self._weights is None:
            return rng.permutation(n)
        if self._compiled:
            from runner.builders.routing._elo_compiled import find

            return find(rng.random(n), self._edges, self._starts)
        return draw(self._weights, n, rng)

    def of_samples(self, steps: int, draws: int) -> Iterator[np.ndarray]:
        """The ``steps`` rows, int64, that each of ``draws`` bootstrap samples over prompts meets.

        A sample is balanced as an epoch is. One that is not goes through its comparisons in a new order again and
        again, or, with fewer steps than there are comparisons, meets each as likely as any other.
        """
        n = len(self._comparisons)
        if self._weights is not None or steps < n:
            yield from self._weighted(np.ones(n) if self._weights is None else self._weights, steps, draws)
            return
        rng = np.random.default_rng([self._seed, 0x65])
        for times in prompt_weights(self._comparisons.prompt, draws, self._seed):
            sample = np.repeat(np.arange(n), times.astype(np.int64))
            passes = [rng.permutation(sample) for _ in range(-(-steps // len(sample)))]
            yield np.concatenate(passes)[:steps]

    def _weighted(self, weights: np.ndarray, steps: int, draws: int) -> Iterator[np.ndarray]:
        """Draw prompts, then comparisons of theirs in proportion to ``weights``: nothing in it goes over all ``n``."""
        rng = np.random.default_rng([self._seed, 0x65])
        by_prompt = np.argsort(self._comparisons.prompt, kind="stable")
        prompt = self._comparisons.prompt[by_prompt]
        first = np.flatnonzero(np.concatenate([[True], prompt[1:] != prompt[:-1]]))
        edges = np.cumsum(weights[by_prompt])
        # The running sum before each prompt's first comparison, and what its comparisons add to it.
        before = np.concatenate([[0.0], edges])[first]
        each = np.diff(np.append(before, edges[-1]))
        last = np.append(first[1:], len(prompt)) - 1
        for _ in range(draws):
            sample = rng.integers(len(first), size=len(first))
            sums = np.cumsum(each[sample])
            place = np.sort(rng.random(steps)) * sums[-1]
            at = np.minimum(np.searchsorted(sums, place, side="right"), len(sums) - 1)
            chosen = sample[at]
            inside = before[chosen] + (place - (sums[at] - each[chosen]))
            found = np.searchsorted(edges, inside, side="right")
            # Rounding may put a place on the edge of its prompt.
            yield by_prompt[rng.permutation(np.clip(found, first[chosen], last[chosen]))]
