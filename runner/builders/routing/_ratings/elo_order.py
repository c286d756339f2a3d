"""Which comparisons Elo meets, and in which order: an epoch's, and those of a bootstrap sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from runner.builders.routing._ratings.elo_games import pack
from runner.builders.routing._ratings.pair_counts import prompt_weights
from runner.data.comparisons import Comparisons
from runner.tasks.ranking.balancing import pair_weights

#: Beside a seed: the games of bootstrap samples.
SAMPLES_SALT = 0x65


class Balanced:
    """Draws with replacement by `balancing.pair_weights`: they are few, so comparisons of one weight are a class."""

    def __init__(self, comparisons: Comparisons) -> None:
        a, b = comparisons.model_a, comparisons.model_b
        often = np.bincount(np.concatenate([a, b]), minlength=len(comparisons.models))
        # A comparison's weight is 1 over how often its rarer LLM was compared: the lower place among such numbers.
        rarity, place = np.unique(often, return_inverse=True)
        place = place.astype(np.int16 if len(rarity) < 2**15 else np.int64)
        which = np.minimum(place[a], place[b])
        count = np.bincount(which, minlength=len(rarity))
        self.rarity, self.count = rarity[count > 0].astype(np.float64), count[count > 0]
        self.by_class = np.argsort(which, kind="stable")
        self.first = np.cumsum(self.count) - self.count
        self.edges = np.cumsum(self.count / self.rarity)
        self.lower = np.concatenate([[0.0], self.edges[:-1]])

    def rows(self, uniform: np.ndarray) -> np.ndarray:
        """The comparison at each place in [0, 1) of the weights' running sum, int64."""
        place = uniform * self.edges[-1]
        which = np.minimum(np.searchsorted(self.edges, place, side="right"), len(self.edges) - 1)
        inside = ((place - self.lower[which]) * self.rarity[which]).astype(np.int64)
        # Rounding may put a place on the edge of its class.
        return self.by_class[self.first[which] + np.clip(inside, 0, self.count[which] - 1)]


class Order:
    """The orders of a training: everything comes from the seed and the number of the epoch or of the sample."""

    def __init__(self, comparisons: Comparisons, balanced: bool, seed: int, compiled: bool = False) -> None:
        self._comparisons, self._seed, self._games = comparisons, seed, pack(comparisons)
        self._balanced = Balanced(comparisons) if balanced else None
        self._tables: tuple[np.ndarray, ...] = ()
        if compiled and self._balanced is not None:
            from runner.builders.routing._ratings.elo_compiled import guide

            its = self._balanced
            games = self._games[its.by_class]
            self._tables = (guide(its.edges, 4096), its.edges, its.lower, its.rarity, its.first, its.count, games)

    def of_epoch(self, epoch: int) -> np.ndarray:
        """The games of one epoch, int64 ``[n]``; ``epoch`` counts from 1."""
        rng, n = np.random.default_rng([self._seed, epoch]), len(self._comparisons)
        if self._balanced is None:
            return self._games[rng.permutation(n)]
        if self._tables:
            from runner.builders.routing._ratings.elo_compiled import draw

            return draw(rng.random(n), *self._tables)
        return self._games[self._balanced.rows(rng.random(n))]

    def of_samples(self, steps: int, draws: int) -> Iterator[np.ndarray]:
        """The ``steps`` games, int64, of each of ``draws`` bootstrap samples over prompts."""
        return (self._games[rows] for rows in self.rows_of_samples(steps, draws))

    def rows_of_samples(self, steps: int, draws: int) -> Iterator[np.ndarray]:
        """The ``steps`` comparisons, int64, that each of ``draws`` bootstrap samples over prompts meets.

        A sample is balanced as an epoch is. One that is not goes through its comparisons in a new order again and
        again, or, with fewer steps than there are comparisons, meets each as likely as any other.
        """
        data, n = self._comparisons, len(self._comparisons)
        if self._balanced is not None:
            yield from self._weighted(pair_weights(data.model_a, data.model_b), steps, draws)
        elif steps < n:
            yield from self._weighted(np.ones(n), steps, draws)
        else:
            rng = np.random.default_rng([self._seed, SAMPLES_SALT])
            for times in prompt_weights(data.prompt, draws, self._seed):
                sample = np.repeat(np.arange(n), times.astype(np.int64))
                passes = [rng.permutation(sample) for _ in range(-(-steps // len(sample)))]
                yield np.concatenate(passes)[:steps]

    def _weighted(self, weights: np.ndarray, steps: int, draws: int) -> Iterator[np.ndarray]:
        """Draw prompts, then comparisons of theirs in proportion to ``weights``: no draw goes over all ``n``."""
        rng = np.random.default_rng([self._seed, SAMPLES_SALT])
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
            # Neighbours are found in the same lines of memory.
            near = np.argsort(chosen, kind="stable")
            chosen, inside = chosen[near], inside[near]
            found = np.searchsorted(edges, inside, side="right")
            # Rounding may put a place on the edge of its prompt.
            yield by_prompt[rng.permutation(np.clip(found, first[chosen], last[chosen]))]
